"""The plugin as it is installed: light to import, complete in what it declares."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import entry_points

import dicomlogic_scalar_volume
from dicomlogic_core import Adaptor, PluginManager, tag_key
from dicomlogic_scalar_volume.adaptor import ScalarVolumeAdaptor
from dicomlogic_scalar_volume.plugin import dicomlogic_adaptors


def test_it_is_found_by_its_entry_point():
    assert "scalar-volume" in {found.name for found in entry_points(group="dicomlogic")}
    manager = PluginManager(environ={})
    assert isinstance(manager.registry.worker("adaptor", "scalar-volume"), ScalarVolumeAdaptor)


def test_importing_the_plugin_module_loads_nothing_heavy():
    code = (
        "import sys, dicomlogic_scalar_volume.plugin as plugin; list(plugin.dicomlogic_adaptors());"
        "print([name for name in ('numpy', 'pydicom', 'requests', 'nrrd') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_worker_meets_its_contract():
    adaptor = ScalarVolumeAdaptor()
    assert isinstance(adaptor, Adaptor)
    for method in ("examine", "load"):
        ours = inspect.signature(getattr(ScalarVolumeAdaptor, method))
        assert list(ours.parameters) == list(inspect.signature(getattr(Adaptor, method)).parameters)


def test_what_it_declares():
    (provider,) = dicomlogic_adaptors()
    keys = [tag_key(tag) for tag in provider.tags]
    assert len(keys) == len(set(keys))
    assert set(provider.options) == {"irregular", "assume_stack", "selection", "show_phi"}
    for end in ("2", "2.1", "4", "4.1", "128"):
        assert f"1.2.840.10008.5.1.4.1.1.{end}" in provider.sop_classes
    for end in ("481.2", "481.1", "66.4"):
        assert f"1.2.840.10008.5.1.4.1.1.{end}" not in provider.sop_classes
    assert dicomlogic_scalar_volume.__doc__
