"""What the conformance kit checks, as plain functions: pytest runs them, and so does ``dicomlogic plugins check``."""
