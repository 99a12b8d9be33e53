"""Images in every transfer syntax through servers: the voxels are those that pydicom or the encoder's input has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import UID

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.server_multipart import BOUNDARY

FILES = [
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "image_dfl.dcm",
    "JPGExtended.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "693_J2KI.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_rle_32bit.dcm",
    "examples_ybr_color.dcm",
]
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K_RPCL = "1.2.840.10008.1.2.4.202"


@pytest.fixture(params=["loopback", "orthanc"])
def serve(request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Gives the URL of a server over a file or folder."""
    start: Callable[..., Any] = request.getfixturevalue("dicomweb_server" if request.param == "loopback" else "orthanc")
    return lambda path: str(start(path).url)


def _volumes(location: str | Path) -> list[np.ndarray[Any, Any]]:
    with dl.open() as session:
        session.index(location)
        loadables = sorted(session.examine(), key=lambda loadable: loadable.id)
        return [np.asarray(session.load(loadable)) for loadable in loadables]


@pytest.mark.parametrize("name", FILES)
def test_every_stored_syntax_gives_the_voxels_of_the_file(name: str, serve: Callable[[Path], str]) -> None:
    path = Path(str(get_testdata_file(name)))
    wanted = _volumes(path)
    found = _volumes(serve(path))
    assert wanted and len(found) == len(wanted)
    for one, other in zip(found, wanted):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("syntax", [HTJ2K_LOSSLESS, HTJ2K_RPCL])
def test_high_throughput_jpeg_2000(syntax: str, serve: Callable[[Path], str], tmp_path: Path) -> None:
    """Old Orthancs can neither decode it nor know it; they hand out whole instances."""
    imagecodecs = pytest.importorskip("imagecodecs")
    wanted = []
    for number, path in enumerate(phantoms.write_ct(tmp_path / "native", phantoms.regular(5))):
        dataset = dcmread(path)
        rng = np.random.default_rng(number)
        pixels = rng.integers(-1000, 3000, (dataset.Rows, dataset.Columns), dtype=np.int16)
        stream = bytes(imagecodecs.htj2k_encode(pixels, reversible=True, tlm=True, resolutions=3))
        dataset.PixelData = encapsulate([stream])
        dataset["PixelData"].VR = "OB"
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 1, 16, 15
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        (tmp_path / "htj2k").mkdir(exist_ok=True)
        dataset.save_as(tmp_path / "htj2k" / path.name)
        wanted.append(pixels * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept))
    (found,) = _volumes(serve(tmp_path / "htj2k"))
    np.testing.assert_array_equal(found, np.stack(wanted))


def test_colours_do_not_depend_on_what_was_fetched_before(orthanc: Callable[..., Any]) -> None:
    """Orthanc 1.10 gives deflated images uncompressed only; the next of that class must not be asked for so: YBR."""
    for name in ("image_dfl.dcm", "SC_rgb_small_odd_jpeg.dcm"):
        path = Path(str(get_testdata_file(name)))
        (wanted,), (found,) = _volumes(path), _volumes(orthanc(path).url)
        np.testing.assert_array_equal(found, wanted)


PAYLOADS = {
    "delimiter": f"\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n",
    "last delimiter": f"\r\n--{BOUNDARY}--\r\n",
    "part of a delimiter": f"\r\n--{BOUNDARY[:-4]}",
    "longer delimiter": f"\r\n--{BOUNDARY}X\r\n\r\n",
    "empty line": "\r\n\r\n",
}


@pytest.mark.parametrize("objects", [True, False], ids=["series", "frames"])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_pixels_that_look_like_the_end_of_a_part(
    payload: str, objects: bool, dicomweb_server: Callable[..., Any], tmp_path: Path
) -> None:
    def change(number: int, dataset: Any) -> None:
        pixels = bytearray(dataset.PixelData)
        text = PAYLOADS[payload].encode()
        pixels[10 : 10 + len(text)] = text
        pixels[-len(text) :] = text  # also where the true end follows
        dataset.PixelData = bytes(pixels)

    phantoms.write_ct(tmp_path, phantoms.regular(4), change=change)
    (wanted,) = _volumes(tmp_path)
    (found,) = _volumes(dicomweb_server(tmp_path, objects=objects).url)
    np.testing.assert_array_equal(found, wanted)
