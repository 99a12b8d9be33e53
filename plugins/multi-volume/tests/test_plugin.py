"""The plugin as it is installed: light to import, complete in what it declares."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

from dicomlogic_core import Adaptor, PluginManager, StudyAdaptor, tag_key
from dicomlogic_core.header.wanted import PRIVATE_VRS
from dicomlogic_multi_volume.adaptor import MultiVolumeAdaptor
from dicomlogic_multi_volume.candidates import CANDIDATES, READ
from dicomlogic_multi_volume.plugin import dicomlogic_adaptors
from dicomlogic_multi_volume.series_sets import SeriesSetAdaptor


def test_it_is_found_by_its_entry_point():
    assert "multi-volume" in {found.name for found in entry_points(group="dicomlogic")}
    registry = PluginManager(environ={}).registry
    assert isinstance(registry.worker("adaptor", "multi-volume"), MultiVolumeAdaptor)
    assert isinstance(registry.worker("adaptor", "multi-volume-series"), SeriesSetAdaptor)


def test_importing_the_plugin_module_loads_nothing_heavy():
    code = (
        "import sys, dicomlogic_multi_volume.plugin as plugin; list(plugin.dicomlogic_adaptors());"
        "print([name for name in ('numpy', 'pydicom', 'requests', 'nrrd') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_workers_meet_their_contracts():
    assert isinstance(MultiVolumeAdaptor(), Adaptor)
    assert isinstance(SeriesSetAdaptor(), StudyAdaptor)
    assert not isinstance(MultiVolumeAdaptor(), StudyAdaptor)


def test_every_column_it_reads_is_declared_and_can_be_kept():
    """What is not declared is not indexed; a private element is readable only when its VR is known."""
    series, _ = dicomlogic_adaptors()
    declared = {tag_key(tag) for tag in series.tags}
    assert len(declared) == len(series.tags)
    wanted = {tag_key(tag) for candidate in CANDIDATES for tag in candidate.tags} | {tag_key(tag) for tag in READ}
    assert wanted <= declared
    assert {key for key in declared if "|" in key} <= set(PRIVATE_VRS)
    for end in ("2", "4", "4.1", "20", "128", "12.1"):
        assert f"1.2.840.10008.5.1.4.1.1.{end}" in series.sop_classes
    for end in ("481.2", "66.4"):
        assert f"1.2.840.10008.5.1.4.1.1.{end}" not in series.sop_classes
