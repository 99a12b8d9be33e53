"""The subject of checks of sources and fetchers: phantoms served as the author says, and what is read from there."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from dicomlogic_core.findings import Finding
from dicomlogic_core.offers import Kind
from dicomlogic_core.references import Location
from dicomlogic_core.series import SeriesView
from dicomlogic_core.session import Session
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.checks.outcome import NotApplicable
from dicomlogic_core.testing.checks.subject import Subject
from dicomlogic_core.work import Work

Write = Callable[[Path], Any]

NO_SECRET = "needs a secret: name options (auth=env:TOKEN) and secrets in the class of the tests"

_OTHER_UID = "1.2.826.0.1.3680043.99.404"


class Host(Protocol):
    """What the author of a source or fetcher gives the kit."""

    def serve(self, folder: Path) -> AbstractContextManager[str]:
        """Serve the DICOM files below a folder while the context is open; gives the location users would name."""

    def cut_bodies(self) -> None:
        """From now on the service ends its answers with pixels early."""

    def lost(self, location: Location) -> Location:
        """A location like this one, where nothing is."""


class Unserved:
    """A host without a service: local files are their own."""

    def __init__(self, subject_schemes: Sequence[str] = ()) -> None:
        self._schemes = subject_schemes

    @contextlib.contextmanager
    def serve(self, folder: Path) -> Iterator[str]:
        """The folder itself for ``file``; nothing for other schemes."""
        if "file" not in self._schemes:
            raise NotApplicable("needs a service: define serve(folder) in the class of the tests")
        yield str(folder)

    def cut_bodies(self) -> None:
        """Not possible."""
        raise NotApplicable("needs a service that cuts its answers: define cut_bodies() in the class of the tests")

    def lost(self, location: Location) -> Location:
        """The same with another SOPInstanceUID, in a file that is not there, with identifiers that nothing has."""
        return elsewhere(location)


def elsewhere(location: Location) -> Location:
    """A location of an instance that nobody has."""
    uid = location.ref.sop_uid
    return dataclasses.replace(
        location,
        ref=dataclasses.replace(location.ref, sop_uid=_OTHER_UID),
        path=f"{location.path}.gone" if location.path else None,
        url=location.url.replace(uid, _OTHER_UID) if location.url else None,
        frame_id="0" * len(location.frame_id),
        frame_ids=tuple("0" * len(one) for one in location.frame_ids),
    )


class ServiceSubject(Subject):
    """A source or fetcher, and a service of the author's making.

    Args:
        host: makes a service out of a folder; without it only what needs no service is checked.
        options: the ``-o`` options that the location is named with; secrets by reference (``{"auth": "env:TOKEN"}``).
        secrets: environment variables that hold the secrets while the service is used.
        many_options: further options for listing many series.
        series: what is served; by default a few phantoms.
    """

    def __init__(
        self,
        kind: Kind,
        provider_name: str,
        *,
        plugin: Any = None,
        host: Host | None = None,
        options: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        many_options: Mapping[str, str] | None = None,
        series: Sequence[Write] = (),
    ) -> None:
        super().__init__(kind, provider_name, plugin=plugin)
        self._host = host
        self.options = dict(options or {})
        self.secrets = dict(secrets or {})
        self.many_options = dict(many_options or {})
        self.series: tuple[Write, ...] = tuple(series) or (phantoms.ct(6), phantoms.mr(4), phantoms.enhanced_ct(5))

    @property
    def host(self) -> Host:
        """The author's service."""
        return self._host if self._host is not None else Unserved(self.provider.schemes)

    def write(self, *series: Write) -> Path:
        """A new folder with series in folders of their own; those of the subject by default."""
        folder = self.new_folder()
        for number, one in enumerate(series or self.series):
            one(folder / f"series-{number}")
        return folder

    @contextlib.contextmanager
    def served(self, folder: Path) -> Iterator[str]:
        """The location of a folder that is served, secrets in the environment.

        Raises:
            NotApplicable: the author gave no way to serve.
        """
        with self.environment():
            self.manager.registry.clear()  # what a worker learned of another service must not be held against this one
            with self.host.serve(folder) as location:
                yield location

    @contextlib.contextmanager
    def environment(self) -> Iterator[None]:
        """The secrets in the environment."""
        before = {name: os.environ.get(name) for name in self.secrets}
        os.environ.update(self.secrets)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def session(self, folder: Path | None = None) -> Session:
        """A session of the plugin and the built-ins; in memory without a folder. To be closed by who asks for it."""
        return Session(folder, manager=self.manager)

    def index(self, session: Session, location: str, **arguments: Any) -> Any:
        """Index a location with the options of the subject."""
        with self.listening():
            return session.index(location, options=arguments.pop("options", self.options), **arguments)

    @contextlib.contextmanager
    def indexed(self, folder: Path | None = None) -> Iterator[tuple[Session, str]]:
        """A session that indexed the served folder, and the location, while it is served."""
        with self.served(self.write() if folder is None else folder) as location, self.session() as session:
            self.index(session, location)
            yield session, location

    def work(self, session: Session, *, cancel: Callable[[], bool] | None = None) -> Work:
        """What a worker gets for its work."""
        keys = frozenset(("00200032", "00200037"))
        return Work(options=self.options, http=session.clients.http, cancel=cancel, bulk_keys=keys)

    def quick(self) -> dict[str, str]:
        """Options of the subject, with a single attempt where the provider has such an option."""
        known = {name for one in self.manager.registry.providers("source") for name in getattr(one, "options", {})}
        return {**self.options, **({"attempts": "1"} if "attempts" in known else {})}

    def exercise(self) -> list[Finding]:
        """Index everything; all findings of it."""
        with self.served(self.write()) as location, self.session() as session:
            return list(self.index(session, location).findings)


def views_of(session: Session) -> Iterator[SeriesView]:
    """Every series that a session has."""
    for row in session.list("study"):
        yield from session.study(row["StudyInstanceUID"])
