"""Which writer an object gets, names that tell objects apart, JSON of what is no image, and reports beside images."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dicomlogic_core as dl
from dicomlogic_core.builtin.json_writer import JsonWriter, write_json
from dicomlogic_core.testing.fakes import closed_manager, fake_plugin
from dicomlogic_core.writing import write_object

GRID = dl.Geometry(size_ijk=(4, 3, 2), ijk_to_lps=np.eye(4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An object of a plugin that is no image."""

    kind: ClassVar[str] = "plan"

    sop_instance_uid: str = "1.2.3"
    name: str = "plan"
    beams: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "sop_instance_uid": self.sop_instance_uid, "beams": list(self.beams)}


class PlanWriter:
    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        target = path.with_name(path.name + ".plan")
        target.write_text(obj.name)
        return [target]


def plan_writer() -> dl.WriterProvider:
    return dl.WriterProvider(name="plan", label="", factory=PlanWriter, format="plan", accepts=frozenset({"plan"}))


def volume(**values: Any) -> dl.Volume:
    return dl.Volume(array=np.zeros((2, 3, 4), np.int16), geometry=GRID, name="image", **values)


def written(obj: Any, folder: Path, *writers: dl.WriterProvider, **values: Any) -> list[Path]:
    manager = closed_manager(fake_plugin(*writers)) if writers else closed_manager()
    return write_object(manager.registry, obj, folder, **values)


def test_the_writer_that_fits_is_taken(tmp_path: Path) -> None:
    labels = np.zeros((1, 2, 3, 4), np.uint8)
    expected = {
        ".nrrd": volume(),
        ".seq.nrrd": dl.VolumeSequence(volumes=(volume(),), axes=()),
        ".seg.nrrd": dl.Segmentation(layers=labels, geometry=GRID, segments=()),
        ".json": Plan(),
    }
    for suffix, obj in expected.items():
        (path,) = written(obj, tmp_path)
        assert "".join(path.suffixes) == suffix
        assert path.is_file()


def test_a_writer_made_for_the_kind_comes_before_the_one_for_everything(tmp_path: Path) -> None:
    assert [path.suffix for path in written(Plan(), tmp_path, plan_writer())] == [".plan"]
    assert [path.suffix for path in written(Plan(), tmp_path, plan_writer(), format="json")] == [".json"]
    assert [path.suffix for path in written(volume(), tmp_path, plan_writer())] == [".nrrd"]
    with pytest.raises(dl.UsageError, match="a plan as nrrd"):
        written(Plan(), tmp_path, format="nrrd")


def test_an_object_that_cannot_say_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(dl.WriteError, match=r"a object cannot be written as \.json"):
        written(object(), tmp_path)
    with pytest.raises(dl.WriteError, match="JSON cannot hold"):
        written(Plan(beams=({"leaves": np.zeros(3)},)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_objects_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    """Also where only a UID deep inside tells them apart; numbers as a server rewrites them do not."""
    names = {written(Plan(sop_instance_uid=uid), tmp_path)[0] for uid in ("1.2.3", "1.2.4", "1.2.3")}
    assert len(names) == 2
    beams = [({"dose_reference_uids": ["1.5"], "weight": w, "leaves": [w] * 9},) for w in (1.0, 2.0)]
    assert written(Plan(beams=beams[0]), tmp_path) == written(Plan(beams=beams[1]), tmp_path)
    other = ({"dose_reference_uids": ["1.6"]},)
    assert written(Plan(beams=other), tmp_path) != written(Plan(beams=beams[0]), tmp_path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def plain(value: Any) -> Any:
    """What a JSON reader is to give back."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [plain(one) for one in value]
    return {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def strict(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@settings(deadline=None)
@given(values)
def test_json_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    target = tmp_path_factory.getbasetemp() / "value.json"
    text = write_json(target, value).read_bytes().decode("utf-8")
    assert strict(text) == plain(value)


def test_equal_objects_give_equal_bytes(tmp_path: Path) -> None:
    first = write_json(tmp_path / "a.json", {"b": 1, "a": {"d": (1, 2), "c": math.nan}}).read_bytes()
    assert write_json(tmp_path / "b.json", {"a": {"c": math.inf, "d": [1, 2]}, "b": 1}).read_bytes() == first


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (path,) = JsonWriter().write(Plan(), tmp_path / "x", {})
    before = path.read_bytes()
    with pytest.raises(dl.WriteError):
        JsonWriter().write(Plan(beams=({"a": object()},)), tmp_path / "x", {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_is_written_beside_the_image(tmp_path: Path) -> None:
    report = {"method": "SUVbw", "factor": 1.25, "inputs": {"weight": {"value": 70.0, "unit": "kg"}}, "range": math.nan}
    image, beside = written(volume(metadata={"report": report}), tmp_path)
    assert beside.name == image.name.removesuffix(".nrrd") + ".report.json"
    assert strict(beside.read_text("utf-8")) == {**report, "range": None}


def test_a_report_is_shown_with_its_texts_escaped() -> None:
    report = {"<b>": "<i>x</i>", "inputs": {"weight": 70.0}, "beds": [{"factor": 1}, {"factor": 2}], "times": [1.5, 2]}
    text = volume(metadata={"report": report})._repr_html_()
    assert "<i>" not in text
    assert "<b>" not in text.replace("<b>Volume</b>", "")
    for name, shown in {
        "inputs.weight": "70",
        "beds.1.factor": "2",
        "times": "1.5, 2",
        "&lt;b&gt;": "&lt;i&gt;x",
    }.items():
        assert f"<td>{name}</td><td>{shown}" in text
