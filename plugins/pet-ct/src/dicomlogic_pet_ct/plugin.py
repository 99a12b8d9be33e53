"""What is registered."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import AdaptorProvider, Loadable, StudyView, WriterProvider, hookimpl

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_MAPPINGS = frozenset({_STORAGE + "67"})
_PET = frozenset(_STORAGE + end for end in ("128", "128.1", "130"))


@hookimpl
def dicomlogic_adaptors() -> Iterable[AdaptorProvider]:
    """PET with its CT, and uptake values by mappings."""
    yield AdaptorProvider(
        name="pet-ct-pair",
        label="PET with its CT",
        factory="dicomlogic_pet_ct.pair_adaptor:PetCtPairAdaptor",
        sop_classes=_PET,
        tags=("ReferencedSeriesSequence", "ReferencedFrameOfReferenceSequence", "ProtocolName", "ConvolutionKernel"),
        options={"pair": "SeriesInstanceUID of the CT whose pair with a PET is selected instead of the PET alone"},
    )
    yield AdaptorProvider(
        name="pet-ct-rwvm",
        label="uptake values of PET by real world value mappings",
        factory="dicomlogic_pet_ct.rwvm_adaptor:RwvmAdaptor",
        sop_classes=_PET | _MAPPINGS,
        tags=(
            "ReferencedImageRealWorldValueMappingSequence",
            "RealWorldValueMappingSequence",
            "ReferencedSeriesSequence",
            "ContentLabel",
            "Manufacturer",
        ),
        options={"rwvm": "SOPInstanceUID of the value mapping to use, or inside for that in the images"},
    )


@hookimpl
def dicomlogic_writers() -> Iterable[WriterProvider]:
    """Factors of uptake values as DICOM."""
    yield WriterProvider(
        name="pet-ct-rwvm",
        label="Real World Value Mapping object of uptake values",
        factory="dicomlogic_pet_ct.rwvm_writer:RwvmWriter",
        format="rwvm",
        accepts=frozenset({"volume"}),
        suffixes=(".rwvm.dcm",),
    )


@hookimpl
def dicomlogic_amend_loadables(study: StudyView, loadables: list[Loadable]) -> None:
    """A note with PET volumes that no CT of their study belongs to."""
    from dicomlogic_pet_ct.pair_adaptor import without_ct  # not before a study is examined

    loadables[:] = without_ct(study, loadables)
