"""Plugins in a session: late, failing, unavailable and missing ones cost the others nothing and are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing.fakes import FakeAdaptor, FakeSource, closed_manager, fake_plugin

CT = "1.2.840.10008.5.1.4.1.1.2"
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"


def header(series: int, modality: str = "CT", sop_class: str = CT) -> dict:
    """A minimal header as DICOM JSON."""
    texts = {
        "SOPClassUID": ("UI", sop_class),
        "SOPInstanceUID": ("UI", f"1.2.3.{series}.1"),
        "StudyInstanceUID": ("UI", "1.2.3"),
        "SeriesInstanceUID": ("UI", f"1.2.3.{series}"),
        "Modality": ("CS", modality),
        "PatientID": ("LO", "P"),
        "SeriesDescription": ("LO", f"series {series}"),
    }
    numbers = {"Rows": 2, "Columns": 2, "BitsAllocated": 16, "SamplesPerPixel": 1}
    made = {dl.tag_key(keyword): {"vr": vr, "Value": [value]} for keyword, (vr, value) in texts.items()}
    return made | {dl.tag_key(keyword): {"vr": "US", "Value": [value]} for keyword, value in numbers.items()}


class Picky(FakeAdaptor):
    """Raises on one series."""

    def __init__(self, name: str, bad_series: str = "", error: BaseException | None = None) -> None:
        self.name, self.bad_series, self.error = name, bad_series, error

    def examine(self, series, study):
        yield from super().examine(series, study)
        if self.error is not None and series.series_uid == self.bad_series:
            raise self.error


def adaptor(name: str, worker: object | None = None, **fields) -> dl.AdaptorProvider:
    return dl.AdaptorProvider(name=name, label=name, factory=lambda: worker or Picky(name), **fields)


def session_of(*adaptors: dl.AdaptorProvider, headers=None) -> dl.Session:
    source = FakeSource(headers or [header(1), header(2)])
    provider = dl.SourceProvider(name="fake", label="fake", factory=lambda: source, schemes=("fake",))
    session = dl.open(manager=closed_manager(fake_plugin(provider, *adaptors)))
    session.index("fake://here")
    return session


def offered(session: dl.Session) -> list[tuple[str, str]]:
    return sorted((loadable.adaptor, loadable.name) for loadable in session.examine(all=True))


def test_a_late_register_is_used_by_the_next_examine():
    with session_of(adaptor("early")) as session:
        assert offered(session) == [("early", "series 1"), ("early", "series 2")]
        session.manager.register(fake_plugin(adaptor("late", modalities=frozenset({"CT"}))))
        assert [name for name, _ in offered(session)] == ["early", "early", "late", "late"]


def test_an_adaptor_that_raises_on_one_series_is_a_finding_and_all_others_are_there():
    bad = Picky("bad", "1.2.3.1", ZeroDivisionError("no"))
    with session_of(adaptor("bad", bad), adaptor("good")) as session:
        assert offered(session) == [("bad", "series 2"), ("good", "series 1"), ("good", "series 2")]
        (finding,) = [finding for finding in session.findings if finding.code == "plugin.failed"]
        assert finding.severity == "error"
        assert finding.where == ("1.2.3.1",)
        assert "ZeroDivisionError: no" in finding.message


def test_a_keyboard_interrupt_in_examine_is_not_swallowed():
    bad = adaptor("bad", Picky("bad", "1.2.3.1", KeyboardInterrupt()))
    with session_of(bad) as session, pytest.raises(KeyboardInterrupt):
        session.examine()


def test_an_adaptor_whose_worker_cannot_be_made_is_a_finding():
    def fail():
        raise OSError("no licence")

    bad = dl.AdaptorProvider(name="bad", label="bad", factory=fail)
    with session_of(bad, adaptor("good")) as session:
        assert [name for name, _ in offered(session)] == ["good", "good"]
        assert "OSError: no licence" in next(f.message for f in session.findings if f.code == "plugin.failed")


def test_failing_in_load_raises_from_the_original_and_names_the_plugin():
    class Bad(Picky):
        def load(self, loadable, context):
            raise ZeroDivisionError("no")

    with session_of(adaptor("bad", Bad("bad"))) as session:
        loadable = session.examine()[0]
        with pytest.raises(dl.PluginError) as caught:
            session.load(loadable)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert (caught.value.stage, caught.value.plugin) == ("load", "FakePlugin")


def test_failing_in_scan_raises_from_the_original_and_keeps_what_was_indexed():
    class Bad(FakeSource):
        def scan(self, query, known, context):
            yield from super().scan(query, known, context)
            raise ZeroDivisionError("no")

    provider = dl.SourceProvider(name="b", label="b", factory=lambda: Bad([header(3)]), schemes=("bad",))
    with session_of() as session:
        session.manager.register(fake_plugin(provider), "mine")
        with pytest.raises(dl.PluginError) as caught:
            session.index("bad://here")
        assert len(session.list("series")) == 3
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert (caught.value.stage, caught.value.plugin, caught.value.where) == ("scan", "mine", "bad://here")


def test_failing_as_scan_is_called_is_told_as_well():
    class Bad(FakeSource):
        def scan(self, query, known, context):
            raise KeyError(query.location)

    provider = dl.SourceProvider(name="b", label="b", factory=lambda: Bad([]), schemes=("bad",))
    with session_of() as session:
        session.manager.register(fake_plugin(provider), "mine")
        with pytest.raises(dl.PluginError) as caught:
            session.index("bad://here")
    assert isinstance(caught.value.__cause__, KeyError)
    assert (caught.value.stage, caught.value.plugin) == ("scan", "mine")


def test_what_no_plugin_handles_is_named_with_what_to_install():
    headers = [header(1), header(2, "RTDOSE", DOSE)]
    with session_of(adaptor("ct", sop_classes=frozenset({CT})), headers=headers) as session:
        assert offered(session) == [("ct", "series 1")]
        (finding,) = [finding for finding in session.findings if finding.code == "plugin.missing"]
    assert finding.message == "RTDOSE needs dicomlogic-rt"
    assert finding.where == ("1.2.3.2",)
    assert finding.remedy == "pip install dicomlogic-rt"


def test_what_an_unavailable_adaptor_would_load_is_refused_with_its_need():
    needs = {"zz_none": "zz-none>=2"}
    with session_of(adaptor("needy", needs=needs), adaptor("good")) as session:
        loadable = session.examine()[0]
        assert loadable.adaptor == "good"
        with pytest.raises(dl.UsageError, match='unavailable: needs zz-none>=2 -> pip install "zz-none>=2"'):
            session.load(replace(loadable, adaptor="needy", id=""))


def test_checking_a_plugin_with_a_wrong_signature_exits_with_1_and_shows_both(site):
    module = site.install(
        "zz-bad",
        code="""
            from dicomlogic_core import WriterProvider, hookimpl

            class Writer:
                def write(self, obj, path, **options):
                    return []

            @hookimpl
            def dicomlogic_writers():
                yield WriterProvider(name="bad", label="bad", factory="zz_bad_plugin:Writer", format="bad")
        """,
    )
    assert module == "zz_bad_plugin"
    environment = {**os.environ, "PYTHONPATH": str(site.folder), "DICOMLOGIC_PLUGINS": "zz-bad"}
    command = [sys.executable, "-m", "dicomlogic_core.cli.main", "plugins", "check", "zz-bad"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert "write takes (obj, path, **options)" in done.stdout
    assert "promises (obj, path, options)" in done.stdout
    listed = subprocess.run([*command[:-2], "--json"], capture_output=True, text=True, check=False, env=environment)
    records = {record["name"]: record for record in json.loads(listed.stdout)}
    assert records["zz-bad"]["provides"] == ["writer:bad"]
