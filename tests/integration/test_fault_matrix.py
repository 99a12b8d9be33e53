"""Every fault at every kind of request: the volumes are exactly those of the files, or something says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core import http_retry
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.server import Fault, Server

SLICES = 8

FAULTS = {
    "drop": Fault("drop"),
    "short": Fault("short", value=30),
    "close": Fault("close"),
    "cut": Fault("cut", value=30),
    "cut-in-half": Fault("cut", value=1000),
    "garbage": Fault("garbage"),
    "login": Fault("login"),
    "400": Fault("status", value=400),
    "401": Fault("status", value=401),
    "404": Fault("status", value=404),
    "429": Fault("status", value=429, headers={"Retry-After": "0"}),
    "500": Fault("status", value=500),
    "503": Fault("status", value=503),
    "text": Fault("status", value=200),
    "204": Fault("status", value=204),
    "gzip": Fault("gzip"),
    "circle": Fault("redirect", value="?"),
    "elsewhere": Fault("redirect", value="http://127.0.0.2:1/"),
}
HEADERS = {
    "fewer-headers": Fault("switch", value={"metadata_missing": 1}),
    "partial-headers": Fault("switch", value={"metadata_full": False}),
}
# fmt: off
_FORMS = (
    "M15", "M19", "M21", "M22", "M29-close", "M31-long", "M35", "M36-fewer", "M36-more", "M36-twice",
    "unlabelled", "half",
)
# fmt: on
BODIES = {form: Fault("switch", value={"multipart": form, "single_part": 406}) for form in _FORMS}
PLACES = {
    "studies": r"/studies(\?|$)",
    "series-list": r"/series(\?|$)",
    "metadata": "/metadata",
    "whole-series": r"/series/[0-9.]+$",
    "frames": "/frames/",
}
CASES = {
    f"{name}-{place}": (place, fault)
    for place in PLACES
    for name, fault in {
        **FAULTS,
        **(HEADERS if place == "metadata" else {}),
        **(BODIES if place in ("whole-series", "frames") else {}),
    }.items()
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("matrix")
    phantoms.write_ct(target, phantoms.regular(SLICES), shuffle_seed=1)
    return target


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray[Any, Any]:
    with dl.open() as session:
        session.index(folder)
        (loadable,) = session.examine()
        return np.asarray(session.load(loadable))


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_retry, "_FIRST_WAIT_S", 0.001)


def _run(url: str) -> tuple[np.ndarray[Any, Any] | None, list[str]]:
    """The one volume, or None; and the codes of all that was said on the way."""
    with dl.open() as session:
        try:
            result = session.index(url)
            said = [str(failure["code"]) for failure in result.failed] + [each.code for each in result.findings]
            loadables = session.examine()
            said += [each.code for loadable in loadables for each in loadable.findings if each.severity != "note"]
            volumes = [session.load(loadable) for loadable in loadables]
        except dl.DicomLogicError as error:
            assert str(error) and error.code
            return None, [error.code]
        said += [each.code for volume in volumes for each in volume.findings if each.severity != "note"]
        return (np.asarray(volumes[0]) if len(volumes) == 1 else None), said


@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
@pytest.mark.parametrize("case", CASES)
def test_never_silently_wrong_or_short(
    folder: Path, expected: np.ndarray[Any, Any], dicomweb_server: Callable[..., Server], case: str, times: int | None
) -> None:
    place, fault = CASES[case]
    fault = replace(fault, path=PLACES[place], times=times)
    server = dicomweb_server(folder, objects=place != "frames", faults=(fault,))
    volume, said = _run(server.url)
    if place == "studies" and fault.kind in ("cut", "status") and fault.value in (1000, 204):
        return  # an answer without a body lists an empty server: nothing can tell
    assert fault.kind in {record.fault for record in server.log}
    if volume is None or not np.array_equal(volume, expected):
        assert said, "something is missing and nothing says so"
