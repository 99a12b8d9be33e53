"""Which columns are read from every header: what the core, CTK's tag cache and the installed plugins need."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core.header.rows import WantedTags
from dicomlogic_core.tags import PrivateTag, TagLike, tag_key, tag_vr


def _keys(text: str) -> tuple[str, ...]:
    return tuple(tag.replace(",", "") for tag in text.split())


TAG_CACHE_ALWAYS = _keys(
    "0008,0018 0008,0020 0008,0021 0008,0030 0008,0031 0008,0050 0008,0060 0008,0061 0008,0080 0008,0090 0008,1030"
    " 0008,103E 0008,1050 0010,0010 0010,0020 0010,0030 0010,0032 0010,0040 0010,1010 0010,4000 0018,0010 0018,0015"
    " 0018,0020 0018,0086 0020,000D 0020,000E 0020,0010 0020,0011 0020,0012 0020,0052 0020,0100 0028,0010 0028,0011"
    " 300A,0003 300A,0002 3006,0004 3006,0002 3002,0003 3002,0002 3002,0004"
)
"""The 40 tags that CTK itself caches for its displayed fields."""

_SLICER = _keys(
    "0008,0008 0008,0016 0008,0033 0008,1090 0008,1115 0018,1060 0018,9089 0020,0013 0020,0031 0020,0032 0020,0037"
    " 0028,0004 0028,0008 0028,0030 0028,1050 0028,1051 7FE0,0010 CADB,0010 CADB,1008 CADB,1010"
)
_LOADING = _keys(
    "0008,0005 0008,0023 0008,0032 0008,0070 0018,0050 0018,0088 0018,5100 0020,1041 0020,9241 0028,0002 0028,0006"
    " 0028,0100 0028,0101 0028,0102 0028,0103 0028,1052 0028,1053 0028,1054"
)
_EXTENSIONS = _keys(
    "0018,0081 0018,1314 0018,0080 0018,0022 0019,100C 0043,1039 2001,1003 0018,9087 0043,101E 0010,1020 0010,1030"
    " 0008,1250 0018,1072 0054,1102 0054,1321 0054,1300 0018,1075 0008,1140 0040,9094 0008,1155"
)
TAG_CACHE = TAG_CACHE_ALWAYS + _SLICER + _LOADING + _EXTENSIONS
"""The 98 tags cached by default: CTK's own, those of Slicer's plugins, of loading, and of common extensions."""

_PATIENT_STUDY_SERIES = """
    PatientName PatientID PatientBirthDate PatientBirthTime PatientSex PatientAge PatientSize PatientWeight
    PatientComments AnatomicalOrientationType StudyInstanceUID StudyID StudyDate StudyTime StudyDescription
    AccessionNumber ModalitiesInStudy InstitutionName ReferringPhysicianName PerformingPhysicianName StationName
    TimezoneOffsetFromUTC SeriesInstanceUID SeriesNumber SeriesDate SeriesTime SeriesDescription Modality ProtocolName
    BodyPartExamined FrameOfReferenceUID PatientPosition Manufacturer ManufacturerModelName SoftwareVersions
"""
_INSTANCE = """
    SpecificCharacterSet ImageType SOPClassUID SOPInstanceUID AcquisitionDate AcquisitionTime AcquisitionDateTime
    ContentDate ContentTime AcquisitionNumber InstanceNumber ImageComments DerivationDescription BurnedInAnnotation
    AvailableTransferSyntaxUID RecommendedDisplayFrameRate
"""
_PLANE = """
    ImagePositionPatient ImageOrientationPatient SliceLocation SliceThickness SpacingBetweenSlices PixelSpacing
    ImagerPixelSpacing NominalScannedPixelSpacing PixelAspectRatio EstimatedRadiographicMagnificationFactor
    GantryDetectorTilt RTImagePlane XRayImageReceptorTranslation RTImageOrientation ImagePlanePixelSpacing
    RTImagePosition RadiationMachineSAD RTImageSID StackID InStackPositionNumber
"""
_PIXELS = """
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated BitsStored
    HighBit PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit RescaleIntercept RescaleSlope RescaleType
    WindowCenter WindowWidth VOILUTFunction RealWorldValueSlope RealWorldValueIntercept LossyImageCompression
    LossyImageCompressionRatio LossyImageCompressionMethod RedPaletteColorLookupTableDescriptor
    GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor PixelData FloatPixelData
    DoubleFloatPixelData
"""
_AXES = """
    FrameIncrementPointer FrameTime FrameTimeVector CineRate TemporalPositionIdentifier NumberOfTemporalPositions
    TemporalPositionIndex TemporalPositionTimeOffset TriggerTime NominalCardiacTriggerDelayTime
    NominalPercentageOfCardiacPhase NominalPercentageOfRespiratoryPhase FrameAcquisitionDateTime FrameReferenceDateTime
    FrameType ComplexImageComponent DimensionIndexValues CardiacNumberOfImages ActualFrameDuration EchoTime EchoNumbers
    EffectiveEchoTime RepetitionTime InversionTime InversionTimes FlipAngle DiffusionBValue DiffusionDirectionality
    DiffusionGradientOrientation NumberOfPhaseEncodingSteps EnergyWindowVector
"""
_ACQUISITION = """
    ContrastBolusAgent ScanningSequence ScanOptions KVP ConvolutionKernel RadiopharmaceuticalStartTime
    RadiopharmaceuticalStartDateTime RadionuclideTotalDose RadionuclideHalfLife DecayCorrectionDateTime DecayCorrected
    CorrectedImage Units SUVType DecayCorrection FrameReferenceTime DecayFactor DoseCalibrationFactor ImageIndex
    DoseUnits DoseType NormalizationPoint DoseSummationType GridFrameOffsetVector DoseGridScaling
    TissueHeterogeneityCorrection StructureSetLabel StructureSetName MaximumFractionalValue
"""
CORE = tuple(
    tag_key(keyword)
    for subject in (_PATIENT_STUDY_SERIES, _INSTANCE, _PLANE, _PIXELS, _AXES, _ACQUISITION)
    for keyword in subject.split()
)
"""Columns that examining and loading read, whatever is cached for others."""

CORE_ITEMS = tuple(
    tag_key(keyword)
    for keyword in (
        "ReferencedSeriesSequence",
        "ReferencedImageSequence",
        "ModalityLUTSequence",
        "RealWorldValueMappingSequence",
        "ReferencedImageRealWorldValueMappingSequence",
        "RadiopharmaceuticalInformationSequence",
        "DetectorInformationSequence",
        "DimensionIndexSequence",
        "SequenceOfUltrasoundRegions",
        "ReferencedRTPlanSequence",
    )
)
"""Sequences kept as DICOM JSON objects: references, value mappings, and what geometry or units hang on."""

# Small private values of scanners: group, elements with their VR (needed where the file says UN), creator.
_PRIVATE = """
0009 0D:DT,3B:DT GEMS_PETD_01
0019 0A:US,0C:IS,0E:FD,27:FD,29:FD SIEMENS MR HEADER
0019 A2:SL,BB:DS,BC:DS,BD:DS,E0:DS GEMS_ACQU_01
0043 1E:DS,2F:SS,30:SS,39:IS GEMS_PARM_01
0051 0B:LO SIEMENS MR HEADER
0065 09:FD,37:FD,50:DS Image Private Header
0071 22:DT SIEMENS MED PT
2001 03:FL,04:CS,08:IS,0A:IS,18:SL,81:IS Philips Imaging DD 001
2005 0D:FL,0E:FL,B0:FL,B1:FL,B2:FL Philips MR Imaging DD 001
2005 09:DS,0A:DS,12:IS,13:IS Philips MR Imaging DD 005
7053 00:DS,09:DS Philips PET Private Group
"""


def _private_vrs() -> dict[str, str]:
    vrs = {}
    for line in _PRIVATE.strip().split("\n"):
        group, elements, creator = line.split(" ", 2)
        for element in elements.split(","):
            number, vr = element.split(":")
            vrs[PrivateTag(creator, int(group, 16), int(number, 16)).key] = vr
    return vrs


PRIVATE_VRS = _private_vrs()
"""Key -> VR of the private elements that are always kept, since a file may call them UN."""


def wanted_vr(key: str) -> str:
    """VR of a column by the data dictionary or the table of private elements; ``UN`` when neither knows it."""
    return PRIVATE_VRS.get(key) or tag_vr(key)


def wanted_tags(extra: Iterable[TagLike] = ()) -> WantedTags:
    """The default columns and `extra` (what plugins read); sequences among `extra` are kept as DICOM JSON objects.

    Raises:
        UsageError: a keyword that the data dictionary does not have.
    """
    keys = {*CORE, *TAG_CACHE, *PRIVATE_VRS}
    items = set(CORE_ITEMS)
    for key in map(tag_key, extra):
        if key.startswith("vendor:"):
            continue
        if wanted_vr(key) == "SQ":
            items.add(key)
        else:
            keys.add(key)
    return WantedTags.of(keys, items)
