"""The table that names what is not installed agrees with the standard and with the plugins of the repository."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from dicomlogic_core import known_plugins

LATER = {"1.2.840.10008.5.1.4.1.1.66.7"}  # Label Map Segmentation Storage, later than pydicom 3.0's dictionary


def test_every_uid_is_a_storage_class_of_the_standard():
    for uid, (label, _) in known_plugins._OBJECTS.items():
        if uid not in LATER:
            assert UID(uid).type == "SOP Class", label
            assert "Storage" in UID(uid).name


def test_no_uid_is_listed_twice():
    ends = [
        end for objects in known_plugins._BY_DISTRIBUTION.values() for text in objects.values() for end in text.split()
    ]
    assert len(ends) == len(set(ends)) == len(known_plugins._OBJECTS)


@pytest.mark.parametrize("name", ["scalar-volume", "dicomweb", "rt"])
def test_what_a_plugin_of_the_repository_handles_is_in_the_table(name):
    module = pytest.importorskip(f"dicomlogic_{name.replace('-', '_')}.plugin")
    distribution = f"dicomlogic-{name}"
    for hook in ("dicomlogic_adaptors", "dicomlogic_sources", "dicomlogic_fetchers"):
        for provider in getattr(module, hook, list)():
            for sop_class in getattr(provider, "sop_classes", ()):
                assert known_plugins.distribution_for_object(sop_class) == distribution, UID(sop_class).name
            for scheme in getattr(provider, "schemes", ()):
                assert known_plugins.distribution_for_scheme(scheme) == distribution


def test_what_is_not_known_is_told_by_its_uid():
    assert known_plugins.object_name("1.2.3") == "1.2.3"
    assert known_plugins.distribution_for_object("1.2.3") == ""
    assert known_plugins.distribution_for_scheme("s3") == ""
    assert known_plugins.object_name("1.2.840.10008.5.1.4.1.1.481.3") == "RTSTRUCT"
