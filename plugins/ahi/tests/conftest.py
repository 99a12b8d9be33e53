"""What the tests of this plugin share: an AWS configuration of their own, phantoms, sessions that know the plugin."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl
from dicomlogic_ahi import plugin
from dicomlogic_ahi.testing import ImageSet, Server, image_sets_from, serve
from dicomlogic_core.testing import phantom_objects, phantoms
from dicomlogic_core.testing.fakes import closed_manager


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's AWS configuration is seen."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """``service(image_sets, **switches)``: a running service that the environment points to."""
    with ExitStack() as stack:

        def start(image_sets: list[ImageSet], **switches: Any) -> Server:
            server = stack.enter_context(serve(image_sets, **switches))
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            return server

        yield start


@pytest.fixture
def session(tmp_path: Path) -> Iterator[dl.Session]:
    """A session with a database on disk, this plugin and the built-ins."""
    with dl.Session(tmp_path / "db", manager=closed_manager(plugin)) as made:
        yield made


@pytest.fixture(scope="session")
def ct(tmp_path_factory: pytest.TempPathFactory) -> list[ImageSet]:
    """A CT of 5 slices."""
    folder = tmp_path_factory.mktemp("ct")
    phantoms.write_ct(folder, phantoms.regular(5))
    return image_sets_from(folder)


@pytest.fixture(scope="session")
def multi_frame(tmp_path_factory: pytest.TempPathFactory) -> list[ImageSet]:
    """An enhanced CT of 24 frames, frame k filled with k but for one pixel."""
    folder = tmp_path_factory.mktemp("enhanced")
    phantoms.write(folder, [phantom_objects.enhanced(phantoms.regular(24), name="enhanced")])
    return image_sets_from(folder)
