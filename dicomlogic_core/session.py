"""The one object a user holds: a database, its plugins and the work on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from dicomlogic_core.clients import Clients
from dicomlogic_core.errors import Cancelled, DicomLogicError, UsageError
from dicomlogic_core.faces import Findings, Rows
from dicomlogic_core.loadable import Loadable, Loadables
from dicomlogic_core.option_names import check_options
from dicomlogic_core.tags import tag_key
from dicomlogic_core.work import OnProgress, Work

if TYPE_CHECKING:
    from dicomlogic_core.findings import Finding
    from dicomlogic_core.index.result import IndexResult
    from dicomlogic_core.manager import PluginManager
    from dicomlogic_core.registry import Registry
    from dicomlogic_core.series import SeriesView, StudyView


def open(
    folder: str | Path | None = None,
    *,
    sources: Sequence[str | Mapping[str, str]] = (),
    manager: PluginManager | None = None,
    read_only: bool = False,
) -> Session:
    """Open the database in `folder`, made when it does not exist; without a folder everything stays in memory.

    `sources` names locations whose credentials may be used in this process: a location, or a mapping of ``location``
    and the options its source takes (``{"location": "https://host/dicom-web", "auth": "env:TOKEN"}``).

    Raises:
        DatabaseError: the folder holds another schema version, a damaged or a foreign database.
    """
    return Session(folder, sources=sources, manager=manager, read_only=read_only)


class Session:
    """A database with its plugins. Use as a context manager, or call `close`.

    Attributes:
        folder: of the database; None when it is in memory.
        manager: its plugins.
        clients: its connections, with credentials only for sources named in this process.
        findings: what indexing and examining found that belongs to no loadable.
        show_phi: whether lists and faces show attributes that identify the patient.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        sources: Sequence[str | Mapping[str, str]] = (),
        manager: PluginManager | None = None,
        read_only: bool = False,
    ) -> None:
        from dicomlogic_core.header.wanted import wanted_tags
        from dicomlogic_core.index.query import IndexQuery
        from dicomlogic_core.index.store import Store
        from dicomlogic_core.manager import default_manager

        self.folder = None if folder is None else Path(folder)
        self.manager = manager if manager is not None else default_manager()
        self.clients = Clients(self.manager)
        for source in sources:
            options = {"location": source} if isinstance(source, str) else dict(source)
            check_options(options.keys() - {"location"}, self.manager.registry)
            self.clients.name(options.pop("location"), options)
        self._studies: dict[str, StudyView] = {}
        self.findings = Findings()
        self.show_phi = False
        self._store = Store.open(self.folder, create=not read_only, read_only=read_only)
        self._query = IndexQuery(self._store, lambda: wanted_tags(self.manager.registry.wanted_tags()))

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and files; safe to call twice."""
        self.clients.close()
        self._studies.clear()
        self._store.close()

    # --- index -------------------------------------------------------------------------------------------------------

    def index(
        self,
        location: str | Path,
        *,
        where: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        on_progress: OnProgress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> IndexResult:
        """Index a folder, a file or a server; what is known and unchanged is skipped, so running again resumes.

        Args:
            location: folder, file or URL (``https://host/dicom-web[/studies/UID[/series/UID]]``).
            where: keyword -> value filters, e.g. ``{"PatientID": "42"}``.
            options: of the source (``auth``, ``user`` ...); secrets by reference, never stored. ``tag-cache`` is the
                database's own: ``slicer`` (98 tags per instance), ``displayed`` (40) or ``off`` (none, for millions).
            on_progress: called with (done, total, what), at most ten times a second.
            cancel: asked between batches; what was committed stays.

        Raises:
            UsageError: no source handles the location, a filter is no DICOM keyword, or an option is unknown.
            SourceError: the location as a whole cannot be read.
            DatabaseError: the database cannot be written.
            PluginError: the source failed; what was committed stays.
            Cancelled: `cancel` said so.
        """
        from dicomlogic_core.contracts import Query
        from dicomlogic_core.header.wanted import wanted_tags
        from dicomlogic_core.index.filters import check_filters
        from dicomlogic_core.index.ingest import Ingest

        place = str(location)
        given = dict(options or {})
        tag_cache = given.pop("tag-cache", "slicer")
        filters = {keyword: str(value) for keyword, value in (where or {}).items()}
        registry = self.manager.registry
        check_options(given, registry)
        provider = registry.for_scheme("source", _scheme(place))
        check_filters(filters, provider.filters, provider.label)
        self.clients.name(place, given)
        wanted = wanted_tags([*registry.wanted_tags(), *filters])
        source = registry.worker("source", provider.name)
        work = Work(
            options=given,
            on_progress=on_progress,
            cancel=cancel,
            http=self.clients.http,
            bulk_keys=frozenset(wanted.keys),
        )
        ingest = Ingest(self._store, wanted, provider=provider.name, location=place, where=filters, tag_cache=tag_cache)
        query = Query(location=place, where=filters, options=given)
        try:
            scan = partial(source.scan, query, ingest.known, work)
            for item in _scanned(scan, registry, provider.name, place):
                ingest.add(item)
                work.progress(ingest.done, 0, "instances")
                if work.cancelled():
                    raise Cancelled("indexing was stopped; what was indexed stays", where=place, remedy="index again")
        finally:
            result = ingest.finish(work.findings)
            self._studies.clear()
        self.findings.extend(result.findings)
        return result

    # --- look --------------------------------------------------------------------------------------------------------

    @property
    def index_findings(self) -> Sequence[Finding]:
        """What indexing found, in this session and in those before, about data that is still as it was then."""
        return self._query.index_findings()

    def list(self, level: str = "study", where: Mapping[str, str] | None = None) -> Rows:
        """Rows of a level (``patient``, ``study``, ``series``, ``instance``) with DICOM keywords as keys.

        The rows are complete; shown as a whole they leave out what identifies the patient unless `show_phi` is set.

        Raises:
            UsageError: unknown level or keyword.
        """
        rows = Rows(dict(row) for row in self._query.rows(level, dict(where or {})))
        rows.show_phi = self.show_phi
        return rows

    def study(self, study_uid: str) -> StudyView:
        """The headers of a study by column.

        Raises:
            KeyError: the database has no such study.
        """
        if study_uid not in self._studies:
            self._studies[study_uid] = self._query.study_view(study_uid)
            self.findings.extend(finding for finding in self._query.findings if finding not in self.findings)
        return self._studies[study_uid]

    def examine(
        self, *uids: str, all: bool = False, options: Mapping[str, str] | None = None, **where: str
    ) -> Loadables:
        """What can be loaded: the selected loadable of each group, with ``all=True`` the alternatives too.

        Args:
            uids: study, series or loadable identifiers to restrict the answer to; everything by default.
            all: also return what is not selected.
            options: adaptor options.
            where: attributes of the first series of a loadable, matched as in `list`: ``modality="CT"``,
                ``SeriesNumber="3"``, ``StudyDate="20240101-"``.

        A whole study is always examined; filters apply to the result, so that it never depends on them.

        Raises:
            UsageError: an identifier that the database does not have, or an unknown keyword or option.
        """
        from dicomlogic_core.examine import examine_study

        check_options(options or (), self.manager.registry)
        tests = _tests(where)
        wanted = set(uids)
        met: set[str] = set()
        found = Loadables()
        for study_uid in self._studies_of(wanted):
            study = self.study(study_uid).with_elsewhere(
                lambda uid: self._series(*self._query.parents_of_instance(uid))
            )
            examination = examine_study(study, self.manager.registry, options=dict(options or {}), manager=self.manager)
            self.findings.extend(finding for finding in examination.findings if finding not in self.findings)
            for loadable in examination.loadables:
                names = {loadable.study_uid, loadable.id, *loadable.series_uids} & wanted
                met |= names
                if wanted and not names:
                    continue
                # A loadable asked for by its own id is meant, selected or not.
                if not (loadable.selected or all or loadable.id in names):
                    continue
                if _matches(study.by_uid(loadable.series_uids[0]), tests):
                    found.append(loadable)
            met |= wanted & {study_uid, *(series.series_uid for series in study)}
        if unknown := sorted(wanted - met):
            raise UsageError(
                f"nothing in this database is called {', '.join(unknown)}",
                remedy="list the series, or examine without arguments, to see the identifiers",
            )
        return found

    def series_of(self, loadable: Loadable) -> Sequence[SeriesView]:
        """The series that a loadable takes frames from, then those it refers to as far as the database has them.

        Raises:
            KeyError: the database does not have a series it takes frames from.
        """
        own = self.study(loadable.study_uid)
        views = {uid: own.by_uid(uid) for uid in loadable.series_uids}
        for uid in dict.fromkeys(ref.series_uid for ref in loadable.references):
            if (found := self._series(self._query.study_for_series(uid), uid)) is not None:
                views.setdefault(uid, found)
        return list(views.values())

    def related(self, loadable: Loadable, *, options: Mapping[str, str] | None = None) -> Loadables:
        """The selected loadables connected with one by references in either direction, nearest first.

        Of a plan: its structure set and doses, and the images of these. Looks into all studies of the patient, and into
        those of series that are referred to.

        Raises:
            UsageError: an option is unknown.
        """
        from dicomlogic_core.related import connected, gathered

        studies = self._query.studies_of_patient(loadable.study_uid)
        found = gathered(studies, lambda uid: self.examine(uid, options=options), self._query.study_for_series)
        return Loadables(connected(loadable, found))

    def _series(self, study_uid: str, series_uid: str) -> SeriesView | None:
        try:
            return self.study(study_uid).by_uid(series_uid)
        except KeyError:  # not indexed, or its headers were put here by another program, or are damaged
            return None

    def _studies_of(self, wanted: set[str]) -> Sequence[str]:
        studies = list(self._query.study_uids())
        if not wanted:
            return studies
        parents = {self._query.study_for_series(uid) for uid in wanted} | wanted
        picked = [uid for uid in studies if uid in parents]
        # Identifiers of loadables say nothing about their study: then every study is examined.
        known = sum(uid in studies or bool(self._query.study_for_series(uid)) for uid in wanted)
        return picked if known == len(wanted) else studies

    # --- load and write ----------------------------------------------------------------------------------------------

    def load(
        self,
        loadable: Loadable,
        *,
        lazy: bool = False,
        options: Mapping[str, str] | None = None,
        on_progress: OnProgress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Any:
        """Make the object of a loadable: a `Volume` for kind ``volume``, a `VolumeSequence` for kind ``sequence``.

        With ``lazy=True`` arrays fetch frames when they are asked for: ``volume.array[40]`` costs one frame.

        Raises:
            UsageError: an option is unknown, or cannot be meant.
            PixelError: frames are missing, short or cannot be decoded.
            GeometryError: the adaptor refuses, saying what is missing.
            PluginError: the adaptor failed.
            NetworkError: the server failed.
        """
        from dicomlogic_core.loading import load

        check_options(options or (), self.manager.registry)
        return load(
            loadable,
            self.study(loadable.study_uid).with_others(self.series_of(loadable)),
            self.manager.registry,
            lazy=lazy,
            options=dict(options or {}),
            http=self.clients.http,
            on_progress=on_progress,
            cancel=cancel,
        )

    def write(
        self,
        obj: Any,
        folder: str | Path,
        *,
        format: str = "auto",
        options: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> Sequence[Path]:
        """Write an object into `folder`; returns the files written.

        The format ``auto`` is the one made for such objects: ``nrrd`` for volumes, sequences and segmentations, else
        that of a plugin, else ``json``. The file is called after the object, followed by a short digest of where it
        came from: two objects never overwrite each other, and writing the same one again replaces it.

        Raises:
            UsageError: no writer has that format or takes such an object, or an option is unknown.
            WriteError: the file cannot be written; nothing is left under its name.
        """
        from dicomlogic_core.writing import write_object

        check_options(options or (), self.manager.registry)
        return write_object(self.manager.registry, obj, folder, format=format, options=options, name=name)

    def preview(self, loadable: Loadable, path: str | Path, *, options: Mapping[str, str] | None = None) -> Path:
        """Write a PNG montage of a loadable's slices, of a sequence one row per volume; only what is shown is fetched.

        Raises:
            UsageError: the loadable is neither a volume nor a sequence of volumes.
        """
        from dicomlogic_core.images import write_montage
        from dicomlogic_core.objects import Volume, VolumeSequence

        try:
            shown = self.load(loadable, lazy=True, options=options)
        except UsageError:  # what is interpolated from all frames exists only as a whole
            shown = self.load(loadable, options=options)
        if not isinstance(shown, (Volume, VolumeSequence)):
            raise UsageError(f"a {loadable.kind} has no picture", where=loadable.id, remedy="preview a volume")
        return write_montage(shown, Path(path))

    def __repr__(self) -> str:
        return f"Session({str(self.folder) if self.folder else 'in memory'})"

    def _repr_html_(self) -> str:
        from dicomlogic_core.faces import session_html

        return session_html(self)


def _scanned(scan: Callable[[], Iterable[Any]], registry: Registry, source: str, place: str) -> Iterator[Any]:
    """What a source yields; what it raises without meaning to, also when it is called, becomes its plugin's error."""
    try:
        yield from scan()
    except DicomLogicError:
        raise
    except Exception as error:  # a source is a plugin: its failure is told with its name
        raise registry.error("source", source, "scan", error, where=place) from error


def _scheme(location: str) -> str:
    scheme, separator, _ = location.partition("://")
    return scheme.lower() if separator else "file"


def _keyword(name: str) -> str:
    """``modality`` and ``series_number`` for the keywords Modality and SeriesNumber; keywords themselves unchanged."""
    return name if name[:1].isupper() or "," in name else "".join(part.capitalize() for part in name.split("_"))


def _tests(where: Mapping[str, str]) -> list[tuple[str, Callable[[str], bool]]]:
    """Key and test of each filter."""
    from dicomlogic_core.index.filters import check_filters, matcher

    named = {_keyword(name): value for name, value in where.items()}
    check_filters(named, (), "loadables")
    return [(key := tag_key(name), matcher(key, value)) for name, value in named.items()]


def _matches(series: SeriesView, tests: Sequence[tuple[str, Callable[[str], bool]]]) -> bool:
    return all(test(series.first(key)) for key, test in tests)
