"""What the core brings along, registered through the same hooks as any plugin."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import FetcherProvider, SourceProvider, WriterProvider, hookimpl


@hookimpl
def dicomlogic_sources() -> Iterable[SourceProvider]:
    """Local Part-10 files."""
    yield SourceProvider(
        name="files",
        label="DICOM files in folders",
        factory="dicomlogic_core.builtin.files_source:FilesSource",
        schemes=("file",),
    )


@hookimpl
def dicomlogic_fetchers() -> Iterable[FetcherProvider]:
    """Frames of local files."""
    yield FetcherProvider(
        name="files",
        label="DICOM files in folders",
        factory="dicomlogic_core.builtin.files_fetcher:FilesFetcher",
        schemes=("file",),
        concurrency=2,  # reading is bound by memory; decoders release the interpreter lock
    )


@hookimpl
def dicomlogic_writers() -> Iterable[WriterProvider]:
    """NRRD for what lies on a grid, JSON for everything that can say itself."""
    yield WriterProvider(
        name="nrrd",
        label="NRRD, as 3D Slicer reads it",
        factory="dicomlogic_core.builtin.nrrd:NrrdWriter",
        format="nrrd",
        accepts=frozenset({"volume", "sequence", "segmentation"}),
        suffixes=(".nrrd", ".seq.nrrd", ".seg.nrrd"),
        options={
            "as": "dwi: sequences with b-values and gradients as DWI NRRD with .bval and .bvec",
            "encoding": "gzip (default) or raw",
            "show_phi": "true: also write attributes that identify the patient",
        },
    )
    yield WriterProvider(
        name="json",
        label="JSON of objects that are no images",
        factory="dicomlogic_core.builtin.json_writer:JsonWriter",
        format="json",
        suffixes=(".json",),
    )
