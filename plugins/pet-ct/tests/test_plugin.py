"""The plugin as it is installed: light to import, complete in what it declares."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import dicomlogic_pet_ct
from dicomlogic_core import CODES, Adaptor, PluginManager, PrivateTag, tag_key
from dicomlogic_core.header.wanted import PRIVATE_VRS
from dicomlogic_pet_ct.adaptor import PetCtAdaptor
from dicomlogic_pet_ct.plugin import dicomlogic_adaptors
from dicomlogic_pet_ct.reading import PRIVATE, SHOWN

_SOURCES = [path.read_text() for path in Path(dicomlogic_pet_ct.__file__).parent.glob("*.py")]


def test_it_is_found_by_its_entry_point():
    assert "pet-ct" in {found.name for found in entry_points(group="dicomlogic")}
    registry = PluginManager(environ={}).registry
    assert isinstance(registry.worker("adaptor", "pet-ct"), PetCtAdaptor)
    assert isinstance(PetCtAdaptor(), Adaptor)


def test_importing_the_plugin_module_loads_nothing_heavy():
    code = (
        "import sys, dicomlogic_pet_ct.plugin as plugin; list(plugin.dicomlogic_adaptors());"
        "print([name for name in ('numpy', 'pydicom', 'requests', 'nrrd') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_column_it_reads_is_declared_and_can_be_kept():
    """What is not declared is not indexed; a private element is readable only when its VR is known."""
    provider = next(one for one in dicomlogic_adaptors() if one.name == "pet-ct")
    declared = [tag_key(tag) for tag in provider.tags]
    assert len(declared) == len(set(declared))
    assert {tag_key(tag) for tag in (*SHOWN, *PRIVATE)} <= set(declared)
    assert {tag.key for tag in PRIVATE} == {tag.key for tag in provider.tags if isinstance(tag, PrivateTag)}
    assert {tag.key for tag in PRIVATE} <= set(PRIVATE_VRS)


def test_every_code_of_uptake_is_produced_somewhere():
    said = set(re.findall(r'"(suv\.[a-z-]+|petct\.[a-z-]+)"', "".join(_SOURCES)))
    assert said == {code for code in CODES if code.startswith(("suv.", "petct."))}
