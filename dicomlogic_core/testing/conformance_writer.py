"""Conformance of writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from dicomlogic_core.testing.checks import writers
from dicomlogic_core.testing.checks.writer_subject import Make, ReadBack, WriterSubject, read_image
from dicomlogic_core.testing.conformance_common import Conformance, test_of


class WriterConformance(Conformance):
    """What every writer promises.

    ::

        class TestNumpyFiles(WriterConformance):
            provider_name = "npy"

            def read(self, paths):
                return ReadBack(array=numpy.load(paths[0]))

    Attributes:
        objects: functions that make what is written; by default the kit's volumes and sequences, as the provider
            accepts them.
        options: the ``-o`` options in effect, text.
    """

    objects: ClassVar[Sequence[Make]] = ()
    options: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def make_subject(cls) -> WriterSubject:
        """The writer with its objects."""
        return WriterSubject(
            cls.provider_name, plugin=cls.plugin, objects=cls.objects, options=cls.options, read=cls().read
        )

    def read(self, paths: Sequence[Path]) -> ReadBack:
        """Read the files of one object by other code than the writer's; by default SimpleITK reads the first."""
        return read_image(paths)

    test_accepted_objects_are_written = test_of(writers.accepted_objects_are_written)
    test_other_objects_are_refused = test_of(writers.other_objects_are_refused)
    test_what_is_written_reads_back_equal = test_of(writers.what_is_written_reads_back_equal)
    test_files_carry_the_name_they_were_given = test_of(writers.files_carry_the_name_they_were_given)
    test_hostile_texts_stay_inside = test_of(writers.hostile_texts_stay_inside)
    test_other_files_are_left_alone = test_of(writers.other_files_are_left_alone)
    test_the_same_object_gives_the_same_bytes = test_of(writers.the_same_object_gives_the_same_bytes)
    test_objects_are_left_alone = test_of(writers.objects_are_left_alone)
    test_a_failure_leaves_nothing = test_of(writers.a_failure_leaves_nothing)
    test_a_full_disk_is_told = test_of(writers.a_full_disk_is_told)
    test_a_missing_folder_is_told = test_of(writers.a_missing_folder_is_told)
    test_patients_are_not_named_unasked = test_of(writers.patients_are_not_named_unasked)
