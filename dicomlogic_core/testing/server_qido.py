"""Searching (QIDO-RS, PS3.18 10.6): matching, return attributes, paging."""

from __future__ import annotations

import fnmatch
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicomlogic_core.testing.server_answers import Answer, Exchange, Refused, Request, json_answer
from dicomlogic_core.testing.server_json import JsonStyle, header_json
from dicomlogic_core.testing.server_store import Instance, Store
from dicomlogic_core.testing.server_switches import Switches

# PS3.18 Tables 10.6.3-3 to -5: returned at each level, where there is a value.
# fmt: off
_PATIENT_STUDY = [
    "00080005", "00080020", "00080030", "00080050", "00080090", "00081030",
    "00100010", "00100020", "00100030", "00100040", "0020000D", "00200010",
]
_SERIES = ["00080005", "00080060", "0008103E", "0020000E", "00200011", "00400244", "00400245"]
_INSTANCE = ["00080005", "00080016", "00080018", "00200013", "00280008", "00280010", "00280011", "00280100"]
# fmt: on
_OWN = {"study": _PATIENT_STUDY, "series": _SERIES, "instance": _INSTANCE}
_MODALITIES_IN_STUDY = "00080061"
_CONTROLS = {"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching", "multiplevaluematching"}

_turn = itertools.count(1)


def search(exchange: Exchange, level: str, study: str = "", series: str = "") -> Answer:
    """Answer a query at `level` (``study``, ``series``, ``instance``) under the given UIDs.

    Raises:
        Refused: 400 for a limit that is no number or, when so switched, for an unknown attribute.
    """
    request, switches = exchange.request, exchange.switches
    fields = _fields(request, switches)
    # What the path does not fix is returned too: /series gives the study's attributes, /instances those of both.
    levels = [level]
    levels += ["study"] if level != "study" and not study else []
    levels += ["series"] if level == "instance" and not series else []
    tags = {tag for name in levels for tag in _OWN[name]} | fields
    results = []
    for group in _groups(exchange.store.select(study, series), level):
        header = _header(exchange.store, group)
        if switches.filters and not _matches(request, header, group, switches):
            continue
        result = header if "all" in fields else {tag: header[tag] for tag in tags if tag in header}
        results.append(dict(sorted({**result, **_counts(level, group)}.items())))
    return _page(results, request, switches)


def _groups(instances: Iterable[Instance], level: str) -> list[list[Instance]]:
    key: Callable[[Instance], str] = {
        "study": lambda instance: instance.study_uid,
        "series": lambda instance: instance.series_uid,
        "instance": lambda instance: instance.sop_uid,
    }[level]
    groups: dict[str, list[Instance]] = {}
    for instance in instances:
        groups.setdefault(key(instance), []).append(instance)
    return list(groups.values())


def _header(store: Store, group: Sequence[Instance]) -> dict[str, Any]:
    """The header of a group's first instance; a search returns no bulk data."""
    first = group[0]
    with store.lock:
        return header_json(first.header, first.encodings, JsonStyle(bulk_uri=lambda path: path, binary=False))


def _counts(level: str, group: Sequence[Instance]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    if level == "study":
        modalities = sorted({instance.text("Modality") for instance in group} - {""})
        counts[_MODALITIES_IN_STUDY] = {"vr": "CS", "Value": modalities}
        counts["00201206"] = {"vr": "IS", "Value": [len({instance.series_uid for instance in group})]}
        counts["00201208"] = {"vr": "IS", "Value": [len(group)]}
    if level == "series":
        counts["00201209"] = {"vr": "IS", "Value": [len(group)]}
    return counts


# --- attributes --------------------------------------------------------------------------------------------------


def _fields(request: Request, switches: Switches) -> set[str]:
    names = [name for key, value in request.query if key.lower() == "includefield" for name in value.split(",")]
    return {"all" if name == "all" else _tag(name, switches) for name in names} - {""}


def _tag(name: str, switches: Switches) -> str:
    """Eight hex digits of a keyword or tag; "" for what this server does not know."""
    if re.fullmatch(r"[0-9A-Fa-f]{8}", name):
        return name.upper()
    number = tag_for_keyword(name)
    if number is not None:
        return f"{number:08X}"
    if switches.unknown_fields == "refuse":
        raise Refused(400, f"unknown/unsupported QIDO attribute: {name}")
    return ""


def _matches(request: Request, header: dict[str, Any], group: Sequence[Instance], switches: Switches) -> bool:
    for name, wanted in request.query:
        if name.lower() in _CONTROLS or not wanted:
            continue
        tag = _tag(name, switches)
        if not tag:
            continue
        values = _texts(header.get(tag, {}))
        if tag == _MODALITIES_IN_STUDY:
            values = [instance.text("Modality") for instance in group]
        if not any(_fits(tag, wanted, value) for value in values or [""]):
            return False
    return True


def _texts(element: dict[str, Any]) -> list[str]:
    values = element.get("Value", [])
    return [
        "=".join(value.values()) if isinstance(value, dict) and element.get("vr") == "PN" else str(value or "")
        for value in values
    ]


def _fits(tag: str, wanted: str, value: str) -> bool:
    """Matching of PS3.4 C.2.2.2: single value, UID list, range, wild card."""
    vr = dictionary_VR(int(tag, 16)) if not int(tag[:4], 16) % 2 else ""
    if vr == "UI":
        return value in re.split(r"[,\\]", wanted)
    if vr in ("DA", "TM") and "-" in wanted:
        low, _, high = wanted.partition("-")
        return bool(value) and low <= value and (not high or value[: len(high)] <= high)
    if vr == "PN":
        wanted, value = wanted.casefold(), value.casefold()
    # Only * and ? are wild in DICOM; brackets are text.
    return fnmatch.fnmatchcase(value, wanted.replace("[", "[[]"))


# --- pages -------------------------------------------------------------------------------------------------------


def _page(results: list[dict[str, Any]], request: Request, switches: Switches) -> Answer:
    query = {name.lower(): value for name, value in request.query}
    offset = _number(query, "offset") if switches.paging == "full" else 0
    limit = _number(query, "limit") if switches.paging != "none" else 0
    sizes = [size for size in (limit or switches.page_limit, switches.page_maximum) if size]
    size = min(sizes, default=len(results))
    if switches.page_order == "turning" and results:
        turn = next(_turn) % len(results)
        results = results[turn:] + results[:turn]
    page = results[offset : offset + size]
    if switches.page_repeat:
        page = [result for result in page for _ in range(2)]
    answer = _listed(page, switches)
    # Fewer than asked for: what was asked for is what was cut.
    cut = offset + size < len(results) and size != limit
    if cut and switches.page_notice == "warning":
        answer.headers["Warning"] = (
            '299 localhost "The number of results exceeded the maximum supported by the server. '
            'Additional results can be requested."'
        )
    elif cut and switches.page_notice == "206":
        answer.status = 206
    return answer


def _number(query: dict[str, str], name: str) -> int:
    text = query.get(name, "")
    if text and not text.isdecimal():
        raise Refused(400, f"{name} must be a number, not {text!r}")
    return int(text or 0)


def _listed(page: list[dict[str, Any]], switches: Switches) -> Answer:
    if page:
        return json_answer(page[0] if len(page) == 1 and not switches.wrapped else page)
    if switches.empty == "204":
        return Answer(status=204, media_type="")
    return Answer(body=[json.dumps([]).encode() if switches.empty == "[]" else b""])
