"""What is registered: one adaptor for each kind of radiotherapy object, chosen by SOP class (never by Modality)."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import AdaptorProvider, WriterProvider, hookimpl

_STORAGE = "1.2.840.10008.5.1.4.1.1."


def _classes(ends: str) -> frozenset[str]:
    return frozenset(_STORAGE + end for end in ends.split())


@hookimpl
def dicomlogic_adaptors() -> Iterable[AdaptorProvider]:
    """Structure sets, doses, plans."""
    yield AdaptorProvider(
        name="rt-structure-set",
        label="RT structure sets",
        factory="dicomlogic_rt.structure_adaptor:StructureSetAdaptor",
        sop_classes=_classes("481.3"),
        tags=(
            *("StructureSetLabel", "FrameOfReferenceUID", "ReferencedFrameOfReferenceSequence"),
            "StructureSetROISequence",
        ),
        options={
            "structures": "contours (default), or segmentation: the regions as label layers on a grid",
            "grid": "what segmentations are drawn on: image (default), dose, or a SeriesInstanceUID of the study",
        },
    )
    yield AdaptorProvider(
        name="rt-dose",
        label="RT doses",
        factory="dicomlogic_rt.dose_adaptor:DoseAdaptor",
        sop_classes=_classes("481.2"),
        tags=(
            *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
            *("FrameOfReferenceUID", "FrameIncrementPointer", "GridFrameOffsetVector", "DoseGridScaling", "DoseUnits"),
            *("DoseType", "DoseSummationType", "TissueHeterogeneityCorrection", "NormalizationPoint", "RTPlanLabel"),
            *("ReferencedRTPlanSequence", "ReferencedStructureSetSequence", "FractionGroupSequence"),
        ),
        options={"scaling": "dose (Gy) per stored value, where DoseGridScaling is absent"},
    )
    yield AdaptorProvider(
        name="rt-plan",
        label="RT plans, ion plans and brachytherapy plans",
        factory="dicomlogic_rt.plan_adaptor:PlanAdaptor",
        sop_classes=_classes("481.5 481.8"),
        tags=(
            *("RTPlanLabel", "RTPlanName", "ReferencedStructureSetSequence", "ReferencedDoseSequence"),
            *("ReferencedRTPlanSequence", "FractionGroupSequence"),
        ),
    )
    yield AdaptorProvider(
        name="rt-image",
        label="RT images",
        factory="dicomlogic_rt.image_adaptor:ImageAdaptor",
        sop_classes=_classes("481.1"),
        requires=("Rows", "Columns"),
        tags=(
            *("RTImageLabel", "RTImageDescription", "RTImagePlane", "XRayImageReceptorTranslation"),
            *("XRayImageReceptorAngle", "RTImageOrientation", "ImagePlanePixelSpacing", "RTImagePosition"),
            *("RadiationMachineSAD", "RTImageSID", "GantryAngle", "GantryPitchAngle", "PatientSupportAngle"),
            *("TableTopEccentricAngle", "TableTopPitchAngle", "TableTopRollAngle", "IsocenterPosition"),
            *("PatientPosition", "FrameOfReferenceUID", "ReferencedBeamNumber", "ReferencedRTPlanSequence"),
        ),
    )
    yield AdaptorProvider(
        name="rt-registration",
        label="Registrations, deformable registrations and fiducials",
        factory="dicomlogic_rt.registration_adaptor:RegistrationAdaptor",
        sop_classes=_classes("66.1 66.2 66.3"),
        tags=("ContentLabel", "ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence"),
    )


@hookimpl
def dicomlogic_writers() -> Iterable[WriterProvider]:
    """Structure sets as DICOM."""
    yield WriterProvider(
        name="rtstruct",
        label="RT structure sets as DICOM",
        factory="dicomlogic_rt.structure_writer:StructureSetWriter",
        format="rtstruct",
        accepts=frozenset({"structure-set"}),
        suffixes=(".dcm",),
        automatic=False,
    )
