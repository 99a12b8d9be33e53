"""The columns that are read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dicomlogic_core.errors import UsageError
from dicomlogic_core.header.wanted import CORE, PRIVATE_VRS, TAG_CACHE, TAG_CACHE_ALWAYS, wanted_tags, wanted_vr
from dicomlogic_core.tags import PrivateTag


def test_tag_cache_lists_have_the_agreed_sizes() -> None:
    assert len(set(TAG_CACHE_ALWAYS)) == len(TAG_CACHE_ALWAYS) == 40
    assert len(set(TAG_CACHE)) == len(TAG_CACHE) == 98
    assert TAG_CACHE[:40] == TAG_CACHE_ALWAYS


def test_default_columns_hold_all_lists_in_order() -> None:
    wanted = wanted_tags()
    assert {*CORE, *TAG_CACHE, *PRIVATE_VRS} <= set(wanted.keys)
    assert list(wanted.keys) == sorted(set(wanted.keys))
    assert "00283000" in wanted.items and "00283000" not in wanted.keys


def test_plugin_columns_are_added_by_kind() -> None:
    private = PrivateTag("ACME 1.0", 0x0099, 0x01)
    wanted = wanted_tags(["EthnicGroup", private, "ContourImageSequence", 0x00081030, "vendor:x"])
    assert {"00102160", private.key, "00081030"} <= set(wanted.keys)
    assert "30060016" in wanted.items and "30060016" not in wanted.keys
    assert "vendor:x" not in wanted.keys


def test_unknown_keyword_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="NoSuchThing"):
        wanted_tags(["NoSuchThing"])


def test_private_vrs_are_known() -> None:
    assert wanted_vr("2001xx03|Philips Imaging DD 001") == "FL"
    assert wanted_vr("00100010") == "PN"
    assert wanted_vr("0099xx01|ACME") == "UN"


def test_header_modules_import_neither_numpy_nor_pydicom() -> None:
    code = (
        "import sys, dicomlogic_core.header.part10, dicomlogic_core.header.dicomjson;"
        "from dicomlogic_core.header.wanted import wanted_tags; wanted_tags();"
        "sys.exit(', '.join({'numpy', 'pydicom', 'orjson', 'msgspec'} & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
