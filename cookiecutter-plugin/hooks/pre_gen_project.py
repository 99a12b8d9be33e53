"""Refuses names that cannot be a distribution and a module."""

import re
import sys

NAME = "{{ cookiecutter.name }}"

if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", NAME):
    print(f"{NAME!r} cannot be the name of a plugin: use lower-case letters, digits and single hyphens, a letter first")
    sys.exit(1)
