"""Which private values a source must resolve, so that tiles come from the vendor's own numbers."""

from __future__ import annotations

import dicomlogic_core as dl


def _image_type(*values: str | None) -> dict[str, object]:
    return {"00080008": {"vr": "CS", "Value": list(values)}}


def test_only_tiled_images_need_private_values() -> None:
    assert dl.grid_keys(_image_type("ORIGINAL", None, "M", "MOSAIC")) == {
        "0029xx10|SIEMENS CSA HEADER",
        "0029xx20|SIEMENS CSA HEADER",
    }
    assert dl.grid_keys(_image_type("ORIGINAL", "PRIMARY", "VFRAME")) == {"0065xx51|Image Private Header"}
    for header in (_image_type("ORIGINAL", "PRIMARY", "M"), {}, {"00080008": {"vr": "CS"}}):
        assert dl.grid_keys(header) == frozenset()
