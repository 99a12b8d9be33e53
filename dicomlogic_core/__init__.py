"""DICOMLogic: index DICOM from files and web services, and turn it into volumes with checks.

This is the public face: names only, imported when first used (PEP 562). Plugins import from here and nowhere else.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicomlogic_core.axes import (
        complete_values,
        distinct_inside,
        joint,
        number_codes,
        once_everywhere,
        ranks,
        same_everywhere,
        same_partition,
        value_table,
    )
    from dicomlogic_core.builtin.nrrd import NrrdWriter
    from dicomlogic_core.builtin.nrrd_reader import read_nrrd
    from dicomlogic_core.checks import CheckReport, check_plugin
    from dicomlogic_core.contracts import (
        Adaptor,
        Columns,
        Failure,
        FetchContext,
        Fetcher,
        FetchResult,
        HeaderBatch,
        Index,
        LoadContext,
        Query,
        Source,
        StudyAdaptor,
        TileGrid,
        Unchanged,
        WorkContext,
        Writer,
    )
    from dicomlogic_core.errors import (
        Cancelled,
        DatabaseError,
        DicomLogicError,
        GeometryError,
        HeaderError,
        NetworkError,
        PixelError,
        PluginError,
        QuantityError,
        SourceError,
        UsageError,
        WriteError,
    )
    from dicomlogic_core.files import replacing
    from dicomlogic_core.findings import CODES, Finding, finding, finding_from_error
    from dicomlogic_core.frame_array import FrameArray
    from dicomlogic_core.geometry import Geometry
    from dicomlogic_core.header.jsonparse import parse_json
    from dicomlogic_core.header.vendor import grid_keys
    from dicomlogic_core.hookspecs import hookimpl
    from dicomlogic_core.http import Answer, Client
    from dicomlogic_core.http_multipart import Part
    from dicomlogic_core.http_settings import HTTP_OPTIONS, HttpSettings
    from dicomlogic_core.index.result import IndexResult
    from dicomlogic_core.jobs import Job, JobResult, make_jobs, run_job, run_jobs
    from dicomlogic_core.loadable import Loadable
    from dicomlogic_core.manager import PluginManager, default_manager
    from dicomlogic_core.objects import Axis, Volume, VolumeSequence
    from dicomlogic_core.pixels.budget import check_budget
    from dicomlogic_core.pixels.encapsulated import frame_fragments
    from dicomlogic_core.pixels.known import pixel_findings
    from dicomlogic_core.planes import Planes, classify_planes
    from dicomlogic_core.plugin_records import PluginFailure, PluginRecord
    from dicomlogic_core.privacy import identifies_patient
    from dicomlogic_core.providers import AdaptorProvider, FetcherProvider, SourceProvider, WriterProvider
    from dicomlogic_core.references import BulkRef, FrameRef, InstanceRef, Location, Ref, SeriesRef, StudyRef
    from dicomlogic_core.resample import resample_volume, sample_points
    from dicomlogic_core.resample_stack import even_distances, resample_slices
    from dicomlogic_core.segmentation import Segment, Segmentation
    from dicomlogic_core.series import FrameTable, SeriesView, StudyView, parse_number, parse_numbers
    from dicomlogic_core.session import Session, open
    from dicomlogic_core.stacks import Stack, stack_of
    from dicomlogic_core.stacks_checks import geometry_checks, stack_checks
    from dicomlogic_core.stacks_images import by_appearance, image_rows
    from dicomlogic_core.stacks_keys import StackPart, hard_parts
    from dicomlogic_core.stacks_metadata import stack_metadata
    from dicomlogic_core.stacks_modes import (
        Layout,
        as_is_finding,
        can_be,
        layout_of,
        mode_of,
        modes_for,
        runs_of,
        stack_refusal,
        stored_order,
    )
    from dicomlogic_core.stacks_names import clean_name, default_name, part_name, value_label
    from dicomlogic_core.stacks_quantities import Quantity, quantity_of
    from dicomlogic_core.stacks_soft import overlap_finding, soft_parts
    from dicomlogic_core.stacks_varying import codes_of
    from dicomlogic_core.tags import PrivateTag, keyword_of, tag_key, tag_vr
    from dicomlogic_core.times import after_midnight, date_time_seconds, moments, time_seconds
    from dicomlogic_core.urls import WebLocation, is_uid, normalise_url, split_url
    from dicomlogic_core.work import is_true

__version__ = "0.1.0"

# name -> module that defines it
_NAMES: dict[str, str] = {
    name: module
    for module, names in {
        "axes": (
            "complete_values distinct_inside joint number_codes once_everywhere ranks same_everywhere same_partition "
            "value_table"
        ),
        "builtin.nrrd": "NrrdWriter",
        "builtin.nrrd_reader": "read_nrrd",
        "checks": "CheckReport check_plugin",
        "contracts": (
            "Adaptor Columns Failure FetchContext Fetcher FetchResult HeaderBatch Index LoadContext Query Source "
            "StudyAdaptor TileGrid Unchanged WorkContext Writer"
        ),
        "errors": (
            "Cancelled DatabaseError DicomLogicError GeometryError HeaderError NetworkError PixelError PluginError "
            "QuantityError SourceError UsageError WriteError"
        ),
        "findings": "CODES Finding finding finding_from_error",
        "geometry": "Geometry",
        "header.jsonparse": "parse_json",
        "header.vendor": "grid_keys",
        "http": "Answer Client",
        "http_multipart": "Part",
        "http_settings": "HTTP_OPTIONS HttpSettings",
        "index.result": "IndexResult",
        "jobs": "Job JobResult make_jobs run_job run_jobs",
        "hookspecs": "hookimpl",
        "loadable": "Loadable",
        "manager": "PluginManager default_manager",
        "frame_array": "FrameArray",
        "objects": "Axis Volume VolumeSequence",
        "pixels.budget": "check_budget",
        "pixels.encapsulated": "frame_fragments",
        "pixels.known": "pixel_findings",
        "planes": "Planes classify_planes",
        "privacy": "identifies_patient",
        "plugin_records": "PluginFailure PluginRecord",
        "providers": "AdaptorProvider FetcherProvider SourceProvider WriterProvider",
        "files": "replacing",
        "references": "BulkRef FrameRef InstanceRef Location Ref SeriesRef StudyRef",
        "resample": "resample_volume sample_points",
        "resample_stack": "even_distances resample_slices",
        "segmentation": "Segment Segmentation",
        "series": "FrameTable SeriesView StudyView parse_number parse_numbers",
        "session": "Session open",
        "stacks": "Stack stack_of",
        "stacks_checks": "geometry_checks stack_checks",
        "stacks_images": "by_appearance image_rows",
        "stacks_keys": "StackPart hard_parts",
        "stacks_metadata": "stack_metadata",
        "stacks_modes": "Layout as_is_finding can_be layout_of mode_of modes_for runs_of stack_refusal stored_order",
        "stacks_names": "clean_name default_name part_name value_label",
        "stacks_quantities": "Quantity quantity_of",
        "stacks_soft": "overlap_finding soft_parts",
        "stacks_varying": "codes_of",
        "tags": "PrivateTag keyword_of tag_key tag_vr",
        "times": "after_midnight date_time_seconds moments time_seconds",
        "urls": "WebLocation is_uid normalise_url split_url",
        "work": "is_true",
    }.items()
    for name in names.split()
}

__all__ = [
    "__version__",
    # the way in
    "IndexResult",
    "Session",
    "open",
    # jobs
    "Job",
    "JobResult",
    "make_jobs",
    "run_job",
    "run_jobs",
    # values
    "Axis",
    "BulkRef",
    "Finding",
    "FrameArray",
    "FrameRef",
    "FrameTable",
    "Geometry",
    "InstanceRef",
    "Loadable",
    "Location",
    "PrivateTag",
    "Ref",
    "Segment",
    "Segmentation",
    "SeriesRef",
    "SeriesView",
    "StudyRef",
    "StudyView",
    "Volume",
    "VolumeSequence",
    "NrrdWriter",
    "read_nrrd",
    "resample_volume",
    "sample_points",
    # findings and tags
    "CODES",
    "finding",
    "finding_from_error",
    "identifies_patient",
    "keyword_of",
    "replacing",
    "tag_key",
    "grid_keys",
    "parse_json",
    "tag_vr",
    # plugins
    "CheckReport",
    "PluginFailure",
    "PluginManager",
    "PluginRecord",
    "check_plugin",
    "default_manager",
    "hookimpl",
    # stacks: what image adaptors share
    "Layout",
    "Planes",
    "Stack",
    "StackPart",
    "as_is_finding",
    "by_appearance",
    "can_be",
    "classify_planes",
    "clean_name",
    "codes_of",
    "default_name",
    "even_distances",
    "geometry_checks",
    "hard_parts",
    "image_rows",
    "layout_of",
    "mode_of",
    "modes_for",
    "overlap_finding",
    "Quantity",
    "quantity_of",
    "stack_metadata",
    "parse_number",
    "parse_numbers",
    "part_name",
    "resample_slices",
    "runs_of",
    "soft_parts",
    "stack_checks",
    "stack_of",
    "stack_refusal",
    "stored_order",
    "value_label",
    # axes: what adaptors of series in time and other dimensions share
    "after_midnight",
    "complete_values",
    "date_time_seconds",
    "distinct_inside",
    "joint",
    "moments",
    "number_codes",
    "once_everywhere",
    "ranks",
    "same_everywhere",
    "same_partition",
    "time_seconds",
    "value_table",
    # providers and contracts
    "Adaptor",
    "AdaptorProvider",
    "Columns",
    "Failure",
    "FetchContext",
    "FetchResult",
    "Fetcher",
    "FetcherProvider",
    "HeaderBatch",
    "Index",
    "LoadContext",
    "Query",
    "Source",
    "SourceProvider",
    "StudyAdaptor",
    "TileGrid",
    "Unchanged",
    "WorkContext",
    "Writer",
    "WriterProvider",
    # pixels
    "check_budget",
    "frame_fragments",
    "pixel_findings",
    # HTTP
    "HTTP_OPTIONS",
    "Answer",
    "Client",
    "HttpSettings",
    "Part",
    "WebLocation",
    "is_true",
    "is_uid",
    "normalise_url",
    "split_url",
    # errors
    "Cancelled",
    "DatabaseError",
    "DicomLogicError",
    "GeometryError",
    "HeaderError",
    "NetworkError",
    "PixelError",
    "PluginError",
    "QuantityError",
    "SourceError",
    "UsageError",
    "WriteError",
]


def __getattr__(name: str) -> Any:
    module = _NAMES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
