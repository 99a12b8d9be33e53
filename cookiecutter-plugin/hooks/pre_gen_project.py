"""Refuses names that cannot be a distribution, a module and an option of the command line."""

import keyword
import re
import sys

NAME = {{ cookiecutter.name | tojson }}
RULE = "use lower-case letters, digits and single hyphens, a letter first, at most 40 in all"
# Of the core and of the plugins that come with it.
TAKEN = {"ahi", "all", "builtin", "core", "dicomweb", "multi-volume", "none", "pet-ct", "rt", "scalar-volume"}

if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", NAME) or len(NAME) > 40:
    sys.exit(f"{NAME!r} cannot be the name of a plugin: {RULE}")
if NAME in TAKEN or NAME.startswith("dicomlogic"):
    sys.exit(f"{NAME!r} is taken: choose a name that says what yours adds; {RULE}")
if keyword.iskeyword(NAME):
    sys.exit(f"{NAME!r} is a word of the Python language: choose another name")
