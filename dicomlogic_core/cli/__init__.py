"""The command line: ``dicomlogic``."""
