"""Conformance of adaptors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from dicomlogic_core.testing.checks import examining, loading, placing
from dicomlogic_core.testing.checks.adaptor_subject import AdaptorSubject, Series
from dicomlogic_core.testing.conformance_common import Conformance, test_of


class AdaptorConformance(Conformance):
    """What every adaptor promises.

    ::

        class TestScalarVolume(AdaptorConformance):
            provider_name = "scalar-volume"
            series = [phantoms.ct(), phantoms.enhanced_mr()]

    Attributes:
        series: what it is tried on: phantoms, or functions that write DICOM files into a folder; the files of one are
            one study. By default every phantom of the kit that passes the filters of the provider.
        options: the ``-o`` options in effect, text.
    """

    series: ClassVar[Sequence[Series]] = ()
    options: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def make_subject(cls) -> AdaptorSubject:
        """The adaptor with its series."""
        return AdaptorSubject(cls.provider_name, plugin=cls.plugin, series=cls.series, options=cls.options)

    test_something_is_offered = test_of(examining.something_is_offered)
    test_examine_answers_the_same_twice = test_of(examining.examine_answers_the_same_twice)
    test_examine_leaves_its_input_alone = test_of(examining.examine_leaves_its_input_alone)
    test_order_does_not_matter = test_of(examining.order_does_not_matter)
    test_examine_uses_no_network = test_of(examining.examine_uses_no_network)
    test_examine_reads_by_column = test_of(examining.examine_reads_by_column)
    test_examine_reads_what_is_kept = test_of(examining.examine_reads_what_is_kept)
    test_examine_never_raises = test_of(examining.examine_never_raises)
    test_confidence_is_on_the_scale = test_of(examining.confidence_is_on_the_scale)
    test_ids_are_stable = test_of(examining.ids_are_stable)
    test_frames_exist_and_come_once = test_of(examining.frames_exist_and_come_once)
    test_every_instance_is_accounted_for = test_of(examining.every_instance_is_accounted_for)
    test_alternatives_are_ranked = test_of(examining.alternatives_are_ranked)
    test_loadables_pickle_small = test_of(examining.loadables_pickle_small)

    test_every_loadable_loads = test_of(loading.every_loadable_loads)
    test_objects_say_what_they_are = test_of(loading.objects_say_what_they_are)
    test_arrays_are_read_only = test_of(loading.arrays_are_read_only)
    test_lazy_gives_the_same_array = test_of(loading.lazy_gives_the_same_array)
    test_cancel_stops_loading = test_of(loading.cancel_stops_loading)
    test_a_lost_frame_is_told = test_of(loading.a_lost_frame_is_told)
    test_results_can_be_told_as_json = test_of(loading.results_can_be_told_as_json)

    test_every_slice_lies_in_its_place = test_of(placing.every_slice_lies_in_its_place)
    test_provenance_covers_every_slice = test_of(placing.provenance_covers_every_slice)
    test_every_pixel_comes_to_its_voxel = test_of(placing.every_pixel_comes_to_its_voxel)
