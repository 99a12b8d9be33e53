"""What every {{ cookiecutter.kind }} promises: the conformance tests of `dicomlogic_core.testing`, inherited."""

from __future__ import annotations

{% if cookiecutter.kind == "adaptor" -%}
from pathlib import Path

from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.conformance import AdaptorConformance
from test_adaptor import as_thermometry

NAME = "{{ cookiecutter.name }}"


def thermometry(folder: Path) -> None:
    """A series of the made-up scanner."""
    phantoms.write_ct(folder, change=as_thermometry)


class TestPromises(AdaptorConformance):
    provider_name = NAME
    series = (thermometry,)
{%- elif cookiecutter.kind == "source" -%}
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from dicomlogic_core.testing.conformance import SourceConformance
from image_box import serving

NAME = "{{ cookiecutter.name }}"


class TestPromises(SourceConformance):
    provider_name = NAME
    options: ClassVar[Mapping[str, str]] = {"auth": "env:BOX_TOKEN"}
    secrets: ClassVar[Mapping[str, str]] = {"BOX_TOKEN": "correct-horse-battery-staple"}

    @contextmanager
    def serve(self, folder: Path) -> Iterator[str]:
        with serving(folder, self.secrets["BOX_TOKEN"]) as box:
            yield box.root
{%- elif cookiecutter.kind == "fetcher" -%}
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import dicomlogic_core as dl
from dicomlogic_core.testing.conformance import FetcherConformance
from dicomlogic_core.testing.fakes import FakeSource
from image_box import ImageBox, serving

from dicomlogic_{{ cookiecutter.__module }} import plugin

NAME = "{{ cookiecutter.name }}"


class WithSource:
    """The plugin, and a source that has the headers of the service that is running."""

    box: ImageBox

    @dl.hookimpl
    def dicomlogic_fetchers(self) -> Iterable[dl.FetcherProvider]:
        return plugin.dicomlogic_fetchers()

    @dl.hookimpl
    def dicomlogic_sources(self) -> Iterable[dl.SourceProvider]:
        yield dl.SourceProvider(
            name=NAME,
            label="headers",
            factory=lambda: FakeSource(self.box.headers()),
            schemes=plugin.SCHEMES,
            options=dl.HTTP_OPTIONS,
        )


class TestPromises(FetcherConformance):
    provider_name = NAME
    plugin = WithSource()
    options: ClassVar[Mapping[str, str]] = {"auth": "env:BOX_TOKEN"}
    secrets: ClassVar[Mapping[str, str]] = {"BOX_TOKEN": "correct-horse-battery-staple"}

    @contextmanager
    def serve(self, folder: Path) -> Iterator[str]:
        with serving(folder, self.secrets["BOX_TOKEN"]) as self.plugin.box:
            yield self.plugin.box.root

    def cut_bodies(self) -> None:
        self.plugin.box.cut = True


def test_it_is_found_by_its_entry_point_and_imports_nothing_heavy() -> None:
    report = dl.check_plugin(NAME)
    assert report.problems == ()
    assert report.workers == (f"fetcher:{NAME}",)
{%- else -%}
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from dicomlogic_core.testing.conformance import ReadBack, WriterConformance

NAME = "{{ cookiecutter.name }}"


class TestPromises(WriterConformance):
    provider_name = NAME

    def read(self, paths: Sequence[Path]) -> ReadBack:
        with np.load(paths[0]) as read:
            texts = json.loads(str(read["description"]))
            return ReadBack(array=read["array"], ijk_to_lps=read["ijk_to_lps"], texts=texts)
{%- endif %}
