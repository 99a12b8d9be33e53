"""RT images: placed in the patient with their plan, and plain without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_plan
from dicomlogic_core.testing.phantom_plan import photon_beam, rt_image
from dicomlogic_rt.beam_frames import table_to_patient

Sessions = Callable[..., dl.Session]
ISOCENTRE = [10, -20, 30]
POINT: dict[str, Any] = {
    "GantryAngle": 0,
    "PatientSupportAngle": 0,
    "BeamLimitingDeviceAngle": 0,
    "IsocenterPosition": ISOCENTRE,
}


def loaded(session: dl.Session) -> dl.Volume:
    (loadable,) = [one for one in session.examine() if one.adaptor == "rt-image"]
    volume = session.load(loadable)
    assert isinstance(volume, dl.Volume)
    return volume


def plan(position: str = "HFS", **point: Any) -> Any:
    return phantom_plan.plan([photon_beam(1, [POINT | point, {}])], patient_position=position)


def image(**values: Any) -> Any:
    return rt_image(plan=phantom_plan.plan_uid(), **values)


def lps(volume: dl.Volume, i: float, j: float) -> list[float]:
    return [round(float(value), 9) for value in (volume.geometry.ijk_to_lps @ [i, j, 0, 1])[:3]]


def test_an_image_is_below_the_isocentre(session_of: Sessions) -> None:
    """Gantry at 0, supine: rows run to the left, columns to the feet, 500 mm below the isocentre."""
    volume = loaded(session_of([plan(), image(WindowCenter=[20, 30], WindowWidth=[40, 50])]))
    assert volume.metadata["window"] == [[20, 40], [30, 50]]
    assert volume.metadata["common"]["Modality"] == "RTIMAGE"
    assert lps(volume, 0, 0) == [10 - 7, -20 + 500, 30 + 5]
    assert lps(volume, 7, 5) == [10 + 7, -20 + 500, 30 - 5]
    assert volume.metadata["rt_image"]["placed"] is True
    assert volume.metadata["rt_image"]["beam_name"] == "beam 1"
    assert volume.frame_of_reference_uid == plan().FrameOfReferenceUID
    assert np.linalg.det(volume.geometry.ijk_to_lps) > 0
    assert np.asarray(volume).ravel().tolist() == list(range(48))


def test_it_turns_with_the_gantry(session_of: Sessions) -> None:
    volume = loaded(session_of([plan(), image(GantryAngle=90)]))
    assert lps(volume, 0, 0) == [10 - 500, -20 - 7, 30 + 5]  # the source is at the left


def slicer_matrix(gantry: float, couch: float, px: float, py: float) -> Any:
    """(4, 4) from the image's millimetres to RAS by 3D Slicer's chain of transforms, sad 1000 and sid 1500."""

    def shift(*by: float) -> Any:
        matrix = np.eye(4)
        matrix[:3, 3] = by
        return matrix

    def turn(axis: int, degrees: float) -> Any:
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        first, second = [(1, 2), (2, 0), (0, 1)][axis]
        matrix = np.eye(4)
        matrix[first, first] = matrix[second, second] = c
        matrix[first, second], matrix[second, first] = -s, s
        return matrix

    isocentre = shift(-ISOCENTRE[0], -ISOCENTRE[1], ISOCENTRE[2])
    machine = turn(1, -couch) @ turn(2, gantry) @ shift(0, 1000, 0) @ shift(0, -1500, 0)
    return isocentre @ machine @ shift(-px, 0, py) @ turn(0, 90)


@pytest.mark.parametrize(("gantry", "couch"), [(0, 0), (30, 0), (270, 0), (0, 20), (110, 340)])
def test_head_first_supine_it_is_where_slicer_puts_it(gantry: float, couch: float, session_of: Sessions) -> None:
    volume = loaded(session_of([plan(), image(GantryAngle=gantry, PatientSupportAngle=couch)]))
    # A plain image has rows to the patient's left and columns to the back: -x and -y in RAS.
    plain = np.diag([-2.0, -2, 1, 1])
    expected = slicer_matrix(gantry, couch, -7, 5) @ plain
    assert np.allclose(volume.geometry.ijk_to_ras[:3, [0, 1, 3]], expected[:3, [0, 1, 3]], atol=1e-9)


@pytest.mark.parametrize("position", ["HFP", "FFS", "FFP", "HFDL"])
def test_it_follows_the_patient_position(position: str, session_of: Sessions) -> None:
    supine = loaded(session_of([plan(), image()]))
    other = loaded(session_of([plan(position), image()]))
    turned = table_to_patient(position) @ table_to_patient("HFS").T
    assert np.allclose(other.geometry.ijk_to_lps[:3, :3], turned @ supine.geometry.ijk_to_lps[:3, :3])


def test_the_orientation_of_the_image_is_applied(session_of: Sessions) -> None:
    """Columns that run along y instead of against it: 3D Slicer ignores it and shows the image upside down."""
    volume = loaded(session_of([plan(), image(RTImageOrientation=[1, 0, 0, 0, 1, 0], RTImagePosition=[-7, -5])]))
    assert lps(volume, 0, 0) == [3, 480, 25]
    assert lps(volume, 0, 5) == [3, 480, 35]
    assert np.linalg.det(volume.geometry.ijk_to_lps) > 0


def test_without_its_plan_it_is_a_plain_image(session_of: Sessions) -> None:
    session = session_of([image()])
    (loadable,) = session.examine()
    assert loadable.name == "7: RTIMAGE: PORTAL"
    volume = session.load(loadable)
    assert [found.code for found in volume.findings] == ["rt.reference-missing", "rt.image-placement"]
    assert "no isocentre" in volume.findings[1].message
    assert volume.geometry.ijk_to_lps.tolist() == [[2, 0, 0, -7], [0, 2, 0, -5], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert volume.frame_of_reference_uid == ""
    assert volume.metadata["rt_image"]["placed"] is False


def test_an_isocentre_of_its_own_is_enough(session_of: Sessions) -> None:
    volume = loaded(session_of([rt_image(IsocenterPosition=ISOCENTRE, PatientPosition="HFS")]))
    assert lps(volume, 0, 0) == [3, 480, 35]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"RTImagePlane": "NON_NORMAL"}, "not normal"),
        ({"XRayImageReceptorTranslation": [3, 0, -500]}, "moved or turned"),
        ({"XRayImageReceptorAngle": 10}, "moved or turned"),
        ({"GantryPitchAngle": 4.0}, "pitched"),
        ({"RTImageSID": None}, "no RTImageSID"),
        ({"RTImagePosition": None}, "no RTImagePosition"),
        ({"ImagePlanePixelSpacing": None}, "no ImagePlanePixelSpacing"),
        ({"RTImageOrientation": [1, 0, 0, 1, 0, 0]}, "not orthogonal"),
        ({"ReferencedBeamNumber": 8}, "no isocentre"),
    ],
)
def test_what_cannot_be_placed_says_why(values: dict[str, Any], why: str, session_of: Sessions) -> None:
    volume = loaded(session_of([plan(), image(**values)]))
    (found,) = [found for found in volume.findings if found.code == "rt.image-placement"]
    assert why in found.message
    assert volume.metadata["rt_image"]["placed"] is False


def test_a_receptor_at_its_distance_is_not_moved(session_of: Sessions) -> None:
    assert not loaded(session_of([plan(), image(XRayImageReceptorTranslation=[0, 0, -500])])).findings


def test_several_isocentres_of_a_beam_are_no_place(session_of: Sessions) -> None:
    beam = photon_beam(1, [POINT, {"IsocenterPosition": [0, 0, 0]}])
    volume = loaded(session_of([phantom_plan.plan([beam]), image()]))
    assert "several isocentres" in volume.findings[0].message


@pytest.mark.parametrize("text", [b"inf", b"1e308", b"1e999", b"nan", b"x"])
@pytest.mark.parametrize(
    ("keyword", "count"),
    [
        ("ImagePlanePixelSpacing", 2),
        ("RTImagePosition", 2),
        ("RTImageSID", 1),
        ("RadiationMachineSAD", 1),
        ("ReferencedBeamNumber", 1),
    ],
)
def test_numbers_that_cannot_be_meant_place_nothing(
    keyword: str, count: int, text: bytes, session_of: Sessions
) -> None:
    dataset = image()
    value = b"\\".join([text] * count)
    dataset[keyword] = RawDataElement(Tag(keyword), "DS", len(value), value, 0, False, True)
    volume = loaded(session_of([plan(), dataset]))
    assert [found.code for found in volume.findings] == ["rt.image-placement"]
    assert np.isfinite(volume.geometry.ijk_to_lps).all() and volume.metadata["rt_image"]["placed"] is False
