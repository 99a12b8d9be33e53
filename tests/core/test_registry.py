"""Providers by kind and name: asked once, filtered before anything is imported, workers made once."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dicomlogic_core import (
    AdaptorProvider,
    FetcherProvider,
    PluginError,
    PluginManager,
    PrivateTag,
    SeriesView,
    SourceProvider,
    UsageError,
    WriterProvider,
    hookimpl,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
SIEMENS = PrivateTag("SIEMENS CSA HEADER", 0x0029, 0x10)


class Plugin:
    """Answers each collecting hook with what it was given."""

    def __init__(self, *, sources=(), fetchers=(), adaptors=(), writers=()):
        self.answers = {"sources": sources, "fetchers": fetchers, "adaptors": adaptors, "writers": writers}
        self.calls = []

    def _answer(self, kind):
        self.calls.append(kind)
        answer = self.answers[kind]
        return answer() if callable(answer) else answer

    @hookimpl
    def dicomlogic_sources(self):
        return self._answer("sources")

    @hookimpl
    def dicomlogic_fetchers(self):
        return self._answer("fetchers")

    @hookimpl
    def dicomlogic_adaptors(self):
        return self._answer("adaptors")

    @hookimpl
    def dicomlogic_writers(self):
        return self._answer("writers")


def manager_of(*plugins) -> PluginManager:
    manager = PluginManager(discover=False, environ={"DICOMLOGIC_DISABLE_PLUGINS": "builtin"})
    for number, plugin in enumerate(plugins):
        manager.register(plugin, f"plugin-{number}")
    return manager


def adaptor(name: str, **fields) -> AdaptorProvider:
    return AdaptorProvider(name=name, label=name, factory=fields.pop("factory", "nowhere:Nothing"), **fields)


class Columns:
    """The part of `Columns` that filters look at."""

    def __init__(self, texts=None, frame_texts=None, items=None):
        self.grids = {}
        self.texts, self.frame_texts, self.sequences = texts or {}, frame_texts or {}, items or {}
        self.sop_uids = ["1.1", "1.2"]
        self.frame_counts = [2, 2]

    def text(self, key):
        return self.texts.get(key, [None, None])

    def frame_text(self, key):
        return self.frame_texts.get(key, {})

    def items(self, key):
        return self.sequences.get(key, [None, None])


def series(sop_class=CT, modality="CT", **columns) -> SeriesView:
    texts = {"00080016": [sop_class, sop_class], "00080060": [modality, modality], **columns.pop("texts", {})}
    return SeriesView(Columns(texts, **columns))


# --- collecting ---------------------------------------------------------------------------------------------------


def test_plugins_are_asked_once_until_something_is_registered():
    plugin = Plugin(adaptors=[adaptor("a")])
    manager = manager_of(plugin)
    for _ in range(3):
        manager.registry.providers("adaptor")
        manager.registry.wanted_tags()
    assert sorted(plugin.calls) == ["adaptors", "fetchers", "sources", "writers"]
    manager.register(Plugin(), "late")
    manager.registry.providers("adaptor")
    assert plugin.calls.count("adaptors") == 2


def test_a_generator_that_raises_after_its_first_item_leaves_none_of_its_plugin():
    def half():
        yield adaptor("half")
        raise RuntimeError("no")

    manager = manager_of(
        Plugin(adaptors=[adaptor("a")]),
        Plugin(adaptors=half, writers=[WriterProvider(name="w", label="w", factory="nowhere:W")]),
        Plugin(adaptors=[adaptor("b")]),
    )
    assert [provider.name for provider in manager.registry.providers("adaptor")] == ["a", "b"]
    assert manager.registry.providers("writer") == []
    assert [(failure.plugin, failure.stage) for failure in manager.failures] == [("plugin-1", "provide")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (adaptor("a"), "return a list"),
        (["text"], "AdaptorProvider"),
        ([WriterProvider(name="w", label="w", factory="nowhere:W")], "AdaptorProvider"),
        (5, "int"),
        ([adaptor("")], "without a name"),
        ([adaptor("a", factory="no colon")], "package.module:Class"),
        ([adaptor("a", factory=":Class")], "package.module:Class"),
        ([adaptor("a", tags=("NoSuchKeyword",))], "NoSuchKeyword"),
    ],
)
def test_answers_that_are_no_providers_are_recorded(answer, said):
    manager = manager_of(Plugin(adaptors=answer), Plugin(adaptors=[adaptor("good")]))
    assert [provider.name for provider in manager.registry.providers("adaptor")] == ["good"]
    (failure,) = manager.failures
    assert said in failure.error


def test_none_means_that_there_are_none():
    manager = manager_of(Plugin(adaptors=None, sources=None))
    assert manager.registry.providers("adaptor") == []
    assert manager.failures == ()


def test_the_first_to_take_a_name_keeps_it_and_the_other_ones_of_the_second_plugin_stay():
    first = adaptor("same")
    manager = manager_of(Plugin(adaptors=[first]), Plugin(adaptors=[adaptor("same"), adaptor("other")]))
    assert manager.registry.provider("adaptor", "same") is first
    assert [provider.name for provider in manager.registry.providers("adaptor")] == ["same", "other"]
    (failure,) = manager.failures
    assert "plugin-0" in failure.error
    # What is advised leaves the first one alone, which may be the core's own.
    assert failure.error.endswith("DICOMLOGIC_DISABLE_PLUGINS=plugin-1")
    assert [record.status for record in manager.records() if record.name.startswith("plugin")] == ["ok", "failed"]


def test_one_name_in_two_kinds_is_no_clash():
    manager = manager_of(
        Plugin(
            sources=[SourceProvider(name="x", label="x", factory="n:S")],
            fetchers=[FetcherProvider(name="x", label="x", factory="n:F")],
        )
    )
    assert [record.provides for record in manager.records() if record.status == "ok"] == [("source:x", "fetcher:x")]


def test_unknown_names_and_kinds_say_what_is_known():
    registry = manager_of(Plugin(adaptors=[adaptor("a"), adaptor("b")])).registry
    with pytest.raises(UsageError, match="known: a, b"):
        registry.provider("adaptor", "c")
    with pytest.raises(UsageError, match="source, fetcher, adaptor, writer"):
        registry.providers("adapter")


# --- optional dependencies ----------------------------------------------------------------------------------------


def test_what_lacks_a_dependency_is_listed_and_refused_with_the_same_words():
    needs = {"zz_no_such_module": "no-such-package>=2.4", "json": "never"}
    manager = manager_of(Plugin(adaptors=[adaptor("a", needs=needs, modalities=frozenset({"CT"}), tags=("Units",))]))
    registry = manager.registry
    assert registry.providers("adaptor") == []
    assert registry.adaptors_for(series()) == []
    for ask in (registry.provider, registry.worker):
        with pytest.raises(UsageError) as caught:
            ask("adaptor", "a")
        assert "unavailable: needs no-such-package>=2.4" in str(caught.value)
        assert 'pip install "no-such-package>=2.4"' in str(caught.value)
    record = next(record for record in manager.records() if record.name == "plugin-0")
    assert record.status == "unavailable"
    assert 'unavailable: needs no-such-package>=2.4 (pip install "no-such-package>=2.4")' in record.error
    # Its columns are kept all the same: it may be usable tomorrow.
    assert registry.wanted_tags() == ("Units",)


def test_a_dotted_dependency_with_a_missing_parent_is_missing():
    manager = manager_of(Plugin(adaptors=[adaptor("a", needs={"zz_no_parent.child": "x"})]))
    assert manager.registry.providers("adaptor") == []


# --- schemes and formats ------------------------------------------------------------------------------------------


def test_schemes():
    source = SourceProvider(name="s", label="s", factory="n:S", schemes=("http", "https"))
    later = SourceProvider(name="t", label="t", factory="n:T", schemes=("https", "s3"))
    registry = manager_of(Plugin(sources=[source]), Plugin(sources=[later])).registry
    assert registry.for_scheme("source", "HTTPS") is source
    assert registry.for_scheme("source", "s3") is later
    with pytest.raises(UsageError, match=r"pip install dicomlogic-ahi; known: http, https, s3"):
        registry.for_scheme("source", "ahi")
    with pytest.raises(UsageError, match=r"no fetcher handles s3://.*known: none"):
        registry.for_scheme("fetcher", "s3")


def test_a_scheme_whose_only_source_lacks_a_dependency():
    source = SourceProvider(name="s", label="s", factory="n:S", schemes=("s3",), needs={"zz_none": "zz-none>=1"})
    with pytest.raises(UsageError, match="the source s is unavailable: needs zz-none>=1"):
        manager_of(Plugin(sources=[source])).registry.for_scheme("source", "s3")


def test_formats():
    def writer(name, *accepts):
        return WriterProvider(name=name, label=name, factory="n:W", format="nrrd", accepts=frozenset(accepts))

    volumes, rest = writer("volumes", "volume"), writer("rest")
    registry = manager_of(Plugin(writers=[volumes, rest])).registry
    assert registry.for_format("nrrd", "volume") is volumes
    assert registry.for_format("nrrd", "dose") is rest
    with pytest.raises(UsageError, match=r"no writer handles a volume as nifti.*nrrd \(volume\), nrrd \(anything\)"):
        registry.for_format("nifti", "volume")


def test_what_is_written_only_by_name_is_never_chosen():
    def writer(name, *accepts, **values):
        return WriterProvider(name=name, label=name, factory="n:W", format=name, accepts=frozenset(accepts), **values)

    dicom, rest = writer("dicom", "plan", automatic=False), writer("json")
    registry = manager_of(Plugin(writers=[dicom, rest])).registry
    assert registry.for_format("dicom", "plan") is dicom
    with pytest.raises(UsageError):
        registry.for_format("dicom", "volume")
    assert registry.for_format("auto", "plan") is rest


# --- which adaptors look at a series ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ({}, True),
        ({"sop_classes": frozenset({CT, MR})}, True),
        ({"sop_classes": frozenset({MR})}, False),
        ({"modalities": frozenset({"CT"})}, True),
        ({"modalities": frozenset({"PT"})}, False),
        ({"sop_classes": frozenset({CT}), "modalities": frozenset({"PT"})}, False),
        ({"requires": ("RescaleSlope",)}, True),
        ({"requires": ("RescaleSlope", "EchoTime")}, False),
        ({"requires": ("PatientWeight",)}, False),
        ({"requires": ("TemporalPositionIndex",)}, True),
        ({"requires": ("RealWorldValueMappingSequence",)}, True),
        ({"requires": ("ModalityLUTSequence",)}, False),
        ({"requires": (SIEMENS,)}, True),
    ],
)
def test_filters_look_at_classes_modalities_and_required_tags(filters, passes):
    view = series(
        texts={"00281053": [None, "1"], "00101030": ["", ""], SIEMENS.key: ["x", None]},
        frame_texts={"00209128": {0: ["", "2"]}},
        items={"00409096": [None, [{}]], "00283000": [None, []]},
    )
    registry = manager_of(Plugin(adaptors=[adaptor("a", **filters)])).registry
    assert [provider.name for provider in registry.adaptors_for(view)] == (["a"] if passes else [])


def test_filtering_imports_no_worker(site):
    module = site.install("zz-a", code="raise RuntimeError('imported')")
    registry = manager_of(Plugin(adaptors=[adaptor("a", factory=f"{module}:X")])).registry
    assert len(registry.adaptors_for(series())) == 1
    assert module not in sys.modules


def test_wanted_tags_are_those_of_all_adaptors_each_once_however_they_are_spelt():
    registry = manager_of(
        Plugin(adaptors=[adaptor("a", tags=("EchoTime", SIEMENS), requires=("FlipAngle",))]),
        Plugin(adaptors=[adaptor("b", tags=("0018,0081", "Units", 0x00181314))]),
    ).registry
    assert registry.wanted_tags() == ("EchoTime", SIEMENS, "FlipAngle", "Units")


def test_missing_plugin_names_the_distribution_unless_an_adaptor_names_the_class():
    plugin = Plugin(adaptors=[adaptor("any")])
    manager = manager_of(plugin)
    assert manager.registry.missing_plugin(DOSE) == "dicomlogic-rt"
    assert manager.registry.why_missing("dicomlogic-rt") == "pip install dicomlogic-rt"
    assert manager.registry.missing_plugin("1.2.3") is None
    manager.register(Plugin(adaptors=[adaptor("dose", sop_classes=frozenset({DOSE}))]), "dose")
    assert manager.registry.missing_plugin(DOSE) is None


# --- workers ------------------------------------------------------------------------------------------------------


class Worker:
    def examine(self, series, study):
        return []

    def load(self, loadable, context):
        return None


def test_a_worker_is_made_once_also_by_many_threads():
    made = []

    def make():
        time.sleep(0.01)
        made.append(1)
        return Worker()

    registry = manager_of(Plugin(adaptors=[adaptor("a", factory=make)])).registry
    barrier = threading.Barrier(8)

    def ask(_):
        barrier.wait()
        return registry.worker("adaptor", "a")

    with ThreadPoolExecutor(8) as pool:
        workers = list(pool.map(ask, range(8)))
    assert len(made) == 1
    assert len(set(map(id, workers))) == 1


def test_a_worker_is_imported_by_its_string(site):
    module = site.install(
        "zz-a", code="class Outer:\n    class W:\n        def write(self, obj, path, options):\n            return []\n"
    )
    writer = WriterProvider(name="w", label="w", factory=f"{module}:Outer.W")
    registry = manager_of(Plugin(writers=[writer])).registry
    assert type(registry.worker("writer", "w")).__name__ == "W"


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import zz_nothing", ModuleNotFoundError),
        ("class Other: pass", AttributeError),
        ("class W:\n    def __init__(self, needed): pass", TypeError),
        ("class W:\n    def examine(self, series, study): return []", UsageError),
    ],
)
def test_a_worker_that_cannot_be_made_raises_at_stage_create_and_is_recorded(site, code, cause):
    module = site.install("zz-a", code=code)
    manager = manager_of(Plugin(adaptors=[adaptor("a", factory=f"{module}:W")]))
    with pytest.raises(PluginError) as caught:
        manager.registry.worker("adaptor", "a")
    assert (caught.value.plugin, caught.value.stage) == ("plugin-0", "create")
    assert type(caught.value.__cause__) is cause
    assert [failure.stage for failure in manager.failures] == ["create"]
    assert [record.status for record in manager.records() if record.name == "plugin-0"] == ["failed"]


def test_error_makes_what_to_raise_when_a_worker_fails_at_work():
    registry = manager_of(Plugin(adaptors=[adaptor("a")])).registry
    error = registry.error("adaptor", "a", "load", KeyError("x"), where="1.2.3")
    assert (error.plugin, error.stage, error.where) == ("plugin-0", "load", "1.2.3")
    assert "KeyError: 'x'" in str(error)
    assert "unregister('plugin-0')" in error.remedy


def test_error_raises_at_once_when_failures_are_to_be_raised():
    manager = PluginManager(discover=False, environ={"DICOMLOGIC_STRICT_PLUGINS": "1"})
    manager.register(Plugin(adaptors=[adaptor("a")]))
    cause = KeyError("x")
    with pytest.raises(PluginError) as caught:
        manager.registry.error("adaptor", "a", "examine", cause)
    assert caught.value.__cause__ is cause
