"""Headers of any content: examining never raises, and what can be laid out has a finite, right-handed grid."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomlogic_core import DicomLogicError, SeriesView, StudyView, layout_of, stack_of, stored_order, tag_key
from dicomlogic_core.testing.phantom_objects import ct_slice
from dicomlogic_core.testing.phantoms import regular
from dicomlogic_core.testing.views import DatasetColumns
from dicomlogic_scalar_volume.adaptor import ScalarVolumeAdaptor

NASTY = [
    None,
    "",
    "__VALUE_IS_NOT_STORED__",
    "x",
    "nan",
    "inf\\0\\0",
    "1e308\\1e308\\1e308",
    "0\\0\\0",
    "0\\0",
    "-1",
    "0",
    "\\\\",
    "1\\0\\0\\0\\1\\0",
    "1\\0\\0\\1\\0\\0",
    "0\\0\\0\\0\\0\\0",
    "nan\\0\\0\\0\\1\\0",
    "1\\1",
    "0\\0.5",
    "-0.5\\0.5",
    "DERIVED\\SECONDARY",
    "ORIGINAL\\PRIMARY\\LOCALIZER",
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.3.4",
    "999999999999999999999",
    "\ud800",
]
KEYWORDS = [
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "ImageType",
    "SOPClassUID",
    "FrameOfReferenceUID",
    "PhotometricInterpretation",
    "SpacingBetweenSlices",
    "SliceThickness",
    "InstanceNumber",
    "SeriesNumber",
    "SeriesDescription",
    "AcquisitionNumber",
    "EchoTime",
    "Modality",
    "ImagerPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
]
SLICES = [ct_slice(number, one, name="damaged") for number, one in enumerate(regular(7))]


class Damaged(DatasetColumns):
    """Columns some of whose texts are replaced."""

    def __init__(self, count: int, changes: list[tuple[str, int, str | None]]) -> None:
        super().__init__(SLICES[:count])
        self._changes: dict[str, dict[int, str | None]] = {}
        for keyword, row, text in changes:
            # Row -1 stands for all.
            rows = range(count) if row < 0 else [row % count]
            self._changes.setdefault(tag_key(keyword), {}).update(dict.fromkeys(rows, text))

    def text(self, key: str) -> list[str | None]:
        texts = super().text(key)
        for row, text in self._changes.get(key, {}).items():
            texts[row] = text
        return texts


@given(
    count=st.integers(1, 7),
    changes=st.lists(st.tuples(st.sampled_from(KEYWORDS), st.integers(-1, 6), st.sampled_from(NASTY)), max_size=6),
    options=st.sampled_from([{}, {"selection": "slicer"}, {"irregular": "split"}, {"irregular": "error"}]),
)
@settings(max_examples=200, deadline=None)
def test_examining_never_raises_and_layouts_are_finite(count, changes, options):
    series = SeriesView(Damaged(count, changes))
    found = list(ScalarVolumeAdaptor().examine(series, StudyView("1", [series], options=options)))
    for loadable in found:
        assert len(set(loadable.frames)) == len(loadable.frames)
        assert 0 < loadable.confidence <= 1
        stack = stack_of(series, np.array(series.frames.rows_of(loadable.frames)))
        for layout in (layout_of, stored_order):
            try:
                geometry = layout(stack).geometry
            except DicomLogicError:
                continue
            assert np.isfinite(geometry.ijk_to_lps).all()
            assert np.linalg.det(geometry.ijk_to_lps) > 0
    if not options:
        whole = {(frame.sop_uid, frame.frame) for loadable in found for frame in loadable.frames}
        usable = (series.frames.size() > 0).all(axis=1).sum()
        assert len(whole) in (0, usable)
