"""What is registered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dicomlogic_core import AdaptorProvider, PrivateTag, WriterProvider, hookimpl

if TYPE_CHECKING:
    from dicomlogic_core import Loadable, StudyView

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_MAPPINGS = frozenset({_STORAGE + "67"})
_PET = frozenset(_STORAGE + end for end in ("128", "128.1", "130"))
# Private elements are found by their creator, and at their usual place where the creator was removed.
_SUV_TAGS = (
    *("ImageType", "SeriesType", "FrameType", "SeriesDescription", "SamplesPerPixel", "Units", "SUVType"),
    *("PatientWeight", "PatientSize", "PatientSex", "CorrectedImage", "DecayCorrection", "DecayFactor"),
    *("AttenuationCorrected", "DecayCorrected", "SensitivityCalibrated", "RescaleSlope", "RescaleIntercept"),
    *("RadiopharmaceuticalInformationSequence", "Radiopharmaceutical", "RadionuclideTotalDose", "RadionuclideHalfLife"),
    *("RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime", "RealWorldValueMappingSequence"),
    *("RealWorldValueSlope", "SOPClassUID"),
    *("StudyDate", "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime"),
    *("ContentDate", "TimezoneOffsetFromUTC", "ActualFrameDuration", "FrameAcquisitionDuration", "FrameReferenceTime"),
    *("FrameAcquisitionDateTime", "FrameReferenceDateTime", "DecayCorrectionDateTime", "DoseCalibrationFactor"),
    *("TriggerTime", "NominalCardiacTriggerDelayTime", "TemporalPositionIndex", "ImageIndex", "InstanceNumber"),
    PrivateTag("Philips PET Private Group", 0x7053, 0x00),
    PrivateTag("Philips PET Private Group", 0x7053, 0x09),
    PrivateTag("GEMS_PETD_01", 0x0009, 0x0D),
    PrivateTag("GEMS_PETD_01", 0x0009, 0x3B),
    PrivateTag("SIEMENS MED PT", 0x0071, 0x22),
)


@hookimpl
def dicomlogic_adaptors() -> Iterable[AdaptorProvider]:
    """Uptake values and activity of PET, PET with its CT, and uptake values by mappings."""
    yield AdaptorProvider(
        name="pet-ct",
        label="standardized uptake values and activity of PET",
        factory="dicomlogic_pet_ct.adaptor:PetCtAdaptor",
        sop_classes=_PET,
        requires=("Rows", "Columns"),
        tags=_SUV_TAGS,
        options={
            "suv": "what PET is loaded as: bw, lbm (James 128), lbm-janma, bsa, ibw, activity or stored",
            "weight-kg": "weight of the patient instead of PatientWeight",
            "height-cm": "height of the patient instead of PatientSize",
            "sex": "M, F or O (mean of both formulas) instead of PatientSex",
            "dose-mbq": "injected dose instead of RadionuclideTotalDose",
            "half-life-s": "half-life of the nuclide instead of RadionuclideHalfLife",
            "injection-time": "HH:MM:SS, or YYYY-MM-DD HH:MM:SS, instead of the injection times of the header",
            "reference-time": "the same for the moment to which activity is corrected for decay",
            "decay-correction": "START, ADMIN or NONE instead of DecayCorrection and CorrectedImage",
            "uncorrected": "accept: uptake values although attenuation was not corrected",
            "irregular": "uneven stacks: fill, as-is or error",
            "show_phi": "true: volumes carry attributes that identify the patient, for a writer to write",
        },
    )
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
    """Factors of uptake values as DICOM, and both volumes of a pair."""
    yield WriterProvider(
        name="pet-ct-rwvm",
        label="Real World Value Mapping object of uptake values",
        factory="dicomlogic_pet_ct.rwvm_writer:RwvmWriter",
        # Of volumes only some hold uptake values: the writer itself refuses the others.
        format="rwvm",
        suffixes=(".rwvm.dcm",),
        automatic=False,
    )
    yield WriterProvider(
        name="pet-ct-pair",
        label="PET with its CT as two NRRD files",
        factory="dicomlogic_pet_ct.pair_writer:PairWriter",
        format="nrrd",
        accepts=frozenset({"pair"}),
        suffixes=(".pet.nrrd", ".ct.nrrd", ".pet-on-ct.nrrd", ".ct-on-pet.nrrd"),
        options={
            "pair-grid": "own (default): each as it was stored; pet or ct: both on that grid, interpolated",
            "encoding": "gzip (default) or raw",
            "show_phi": "true: also write attributes that identify the patient",
        },
    )


@hookimpl
def dicomlogic_amend_loadables(study: StudyView, loadables: list[Loadable]) -> None:
    """A note with PET volumes that no CT of their study belongs to."""
    from dicomlogic_pet_ct.pair_adaptor import without_ct  # not before a study is examined

    loadables[:] = without_ct(study, loadables)
