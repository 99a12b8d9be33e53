"""Conformance of sources and fetchers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from dicomlogic_core.offers import Kind
from dicomlogic_core.references import Location
from dicomlogic_core.testing.checks import fetchers, sources
from dicomlogic_core.testing.checks.service_subject import ServiceSubject, Unserved, Write, elsewhere
from dicomlogic_core.testing.conformance_common import Conformance, test_of


class ServiceConformance(Conformance):
    """What sources and fetchers share: the service that the kit lets them loose on.

    Attributes:
        series: what is served: phantoms, or functions that write DICOM files into a folder.
        options: the ``-o`` options that the location is named with; secrets by reference (``{"auth": "env:TOKEN"}``).
        secrets: environment variable -> secret, set while the service is used, searched for in all that is left behind.
        many_options: further options for the test of many series, such as a small page.
    """

    kind: ClassVar[Kind]
    series: ClassVar[Sequence[Write]] = ()
    options: ClassVar[Mapping[str, str]] = {}
    secrets: ClassVar[Mapping[str, str]] = {}
    many_options: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def make_subject(cls) -> ServiceSubject:
        """The worker with its service."""
        return ServiceSubject(
            cls.kind,
            cls.provider_name,
            plugin=cls.plugin,
            host=cls(),
            options=cls.options,
            secrets=cls.secrets,
            many_options=cls.many_options,
            series=cls.series,
        )

    def serve(self, folder: Path) -> AbstractContextManager[str]:
        """Serve the DICOM files below a folder while the context is open; gives the location users would name.

        Write it with `contextlib.contextmanager`; it may set what the service needs in the environment. Sources and
        fetchers of scheme ``file`` need none: the folder is the location.
        """
        return Unserved(self.subject.provider.schemes).serve(folder)

    def cut_bodies(self) -> None:
        """Called while the service runs: from now on it ends its answers with pixels early."""
        Unserved().cut_bodies()

    def lost(self, location: Location) -> Location:
        """A location like the given one, where nothing is: by default of another instance and another file."""
        return elsewhere(location)


class SourceConformance(ServiceConformance):
    """What every source promises.

    ::

        class TestTinyService(SourceConformance):
            provider_name = "tiny"

            @contextmanager
            def serve(self, folder):
                with tiny_server(folder) as server:
                    yield server.url
    """

    kind = "source"

    test_a_foreign_location_is_refused = test_of(sources.a_foreign_location_is_refused)
    test_scan_keeps_its_contract = test_of(sources.scan_keeps_its_contract)
    test_what_is_served_is_found = test_of(sources.what_is_served_is_found)
    test_scanning_again_gives_the_same = test_of(sources.scanning_again_gives_the_same)
    test_an_empty_location_gives_nothing = test_of(sources.an_empty_location_gives_nothing)
    test_header_values_are_those_of_the_files = test_of(sources.header_values_are_those_of_the_files)
    test_many_series_are_all_found = test_of(sources.many_series_are_all_found)
    test_indexing_again_skips_what_is_known = test_of(sources.indexing_again_skips_what_is_known)
    test_an_interrupted_run_goes_on = test_of(sources.an_interrupted_run_goes_on)
    test_cancel_stops_the_scan = test_of(sources.cancel_stops_the_scan)
    test_odd_files_cost_nothing_else = test_of(sources.odd_files_cost_nothing_else)
    test_a_service_that_is_gone_is_told = test_of(sources.a_service_that_is_gone_is_told)
    test_secrets_are_never_shown = test_of(sources.secrets_are_never_shown)


class FetcherConformance(ServiceConformance):
    """What every fetcher promises. Locations come from the source of its scheme, in the same plugin.

    ::

        class TestTinyFrames(FetcherConformance):
            provider_name = "tiny"
            serve = TestTinyService.serve
    """

    kind = "fetcher"

    test_plan_covers_every_location_once = test_of(fetchers.plan_covers_every_location_once)
    test_every_result_carries_its_reference = test_of(fetchers.every_result_carries_its_reference)
    test_frames_are_those_of_the_files = test_of(fetchers.frames_are_those_of_the_files)
    test_any_order_gives_the_same_bytes = test_of(fetchers.any_order_gives_the_same_bytes)
    test_duplicates_are_answered_alike = test_of(fetchers.duplicates_are_answered_alike)
    test_threads_may_fetch_at_once = test_of(fetchers.threads_may_fetch_at_once)
    test_one_lost_frame_costs_nothing_else = test_of(fetchers.one_lost_frame_costs_nothing_else)
    test_buffers_are_given_back = test_of(fetchers.buffers_are_given_back)
    test_cancel_stops_fetching = test_of(fetchers.cancel_stops_fetching)
    test_without_a_connection_errors_are_typed = test_of(fetchers.without_a_connection_errors_are_typed)
    test_short_pixels_are_told = test_of(fetchers.short_pixels_are_told)
    test_cut_bodies_are_told = test_of(fetchers.cut_bodies_are_told)
    test_a_service_that_is_gone_is_told = test_of(fetchers.a_service_that_is_gone_is_told)
    test_secrets_are_in_no_error = test_of(fetchers.secrets_are_in_no_error)
