"""Refuses names that cannot be a distribution, a module and an option of the command line."""

import keyword
import re
import sys

NAME = {{ cookiecutter.name | tojson }}
RULE = "use lower-case letters, digits and single hyphens, a letter first, at most 40 in all"
# Plugins and providers of the core, and of the distributions that come with it.
TAKEN = {
    *("all", "builtin", "core", "files", "json", "none", "nrrd"),
    *("ahi", "dicomweb", "multi-volume", "multi-volume-series", "scalar-volume"),
    *("pet-ct", "pet-ct-pair", "pet-ct-rwvm"),
    *("rt", "rt-dose", "rt-image", "rt-plan", "rt-registration", "rt-structure-set", "rtstruct"),
}

if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", NAME) or len(NAME) > 40:
    sys.exit(f"{NAME!r} cannot be the name of a plugin: {RULE}")
if NAME in TAKEN or NAME.startswith("dicomlogic"):
    sys.exit(f"{NAME!r} is taken: choose a name that says what yours adds; {RULE}")
if keyword.iskeyword(NAME):
    sys.exit(f"{NAME!r} is a word of the Python language: choose another name")
