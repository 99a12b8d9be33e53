"""Names of header columns: DICOM keywords, tags and private tags as one kind of key.

A key is eight upper-case hex digits (``00200032``) or, for a private element, group, element and creator
(``0019xx0C|SIEMENS MR HEADER``): archives move private blocks, so the block number is never part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dicomlogic_core.errors import UsageError

_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?\s?([0-9A-Fa-f]{4})\)?\Z")


@dataclass(frozen=True, slots=True)
class PrivateTag:
    """A private element by creator (PS3.5 7.8.1): ``PrivateTag("SIEMENS MR HEADER", 0x0019, 0x0C)``."""

    creator: str
    group: int
    element: int

    @property
    def key(self) -> str:
        """The column key."""
        return f"{self.group:04X}xx{self.element & 0xFF:02X}|{self.creator.strip()}"


TagLike = str | int | PrivateTag


def tag_key(tag: TagLike) -> str:
    """The column key of a keyword, ``GGGG,EEEE``, ``GGGGEEEE``, an integer 0xGGGGEEEE, a `PrivateTag` or a key itself.

    Raises:
        UsageError: a keyword that the DICOM data dictionary does not have.
    """
    if isinstance(tag, str) and (known := KEYWORDS.get(tag)):
        return known
    if isinstance(tag, PrivateTag):
        return tag.key
    if isinstance(tag, int):
        return f"{tag:08X}"
    if match := _TAG.match(tag):
        return (match[1] + match[2]).upper()
    if "|" in tag or tag.startswith("vendor:"):
        return tag
    from pydicom.datadict import tag_for_keyword  # only for keywords outside the table

    number = tag_for_keyword(tag)
    if number is None:
        raise UsageError(f"{tag!r} is no DICOM keyword or tag", remedy="use a keyword of PS3.6, e.g. SeriesDescription")
    return f"{number:08X}"


def tag_vr(key: str) -> str:
    """VR of a standard tag by the data dictionary, ``UN`` when it is unknown or private."""
    if vr := VRS.get(key):
        return vr
    if "|" in key or ":" in key or int(key[:4], 16) % 2:
        return "UN"
    from pydicom.datadict import dictionary_VR  # only for tags outside the table

    try:
        return dictionary_VR(int(key, 16))[:2]
    except KeyError:
        return "UN"


# Columns the core and its plugins read, so that indexing needs no data dictionary: tag, keyword, VR, VM (PS3.6).
_TABLE = """
00020002 MediaStorageSOPClassUID UI 1
00020003 MediaStorageSOPInstanceUID UI 1
00020010 TransferSyntaxUID UI 1
00080005 SpecificCharacterSet CS 1-n
00080008 ImageType CS 2-n
00080016 SOPClassUID UI 1
00080018 SOPInstanceUID UI 1
00080020 StudyDate DA 1
00080021 SeriesDate DA 1
00080022 AcquisitionDate DA 1
00080023 ContentDate DA 1
0008002A AcquisitionDateTime DT 1
00080030 StudyTime TM 1
00080031 SeriesTime TM 1
00080032 AcquisitionTime TM 1
00080033 ContentTime TM 1
00080050 AccessionNumber SH 1
00080060 Modality CS 1
00080061 ModalitiesInStudy CS 1-n
00080070 Manufacturer LO 1
00080080 InstitutionName LO 1
00080090 ReferringPhysicianName PN 1
00080201 TimezoneOffsetFromUTC SH 1
00081010 StationName SH 1
00081030 StudyDescription LO 1
0008103E SeriesDescription LO 1
00081050 PerformingPhysicianName PN 1-n
00081090 ManufacturerModelName LO 1
00081115 ReferencedSeriesSequence SQ 1
00081140 ReferencedImageSequence SQ 1
00081155 ReferencedSOPInstanceUID UI 1
00081190 RetrieveURL UR 1
00081200 StudiesContainingOtherReferencedInstancesSequence SQ 1
00081250 RelatedSeriesSequence SQ 1
00082111 DerivationDescription ST 1
00082144 RecommendedDisplayFrameRate IS 1
00083002 AvailableTransferSyntaxUID UI 1-n
00089007 FrameType CS 4-5
00089208 ComplexImageComponent CS 1
00100010 PatientName PN 1
00100020 PatientID LO 1
00100030 PatientBirthDate DA 1
00100032 PatientBirthTime TM 1
00100040 PatientSex CS 1
00101010 PatientAge AS 1
00101020 PatientSize DS 1
00101030 PatientWeight DS 1
00102210 AnatomicalOrientationType CS 1
00104000 PatientComments LT 1
00180010 ContrastBolusAgent LO 1
00180015 BodyPartExamined CS 1
00180020 ScanningSequence CS 1-n
00180022 ScanOptions CS 1-n
00180031 Radiopharmaceutical LO 1
00180040 CineRate IS 1
00180050 SliceThickness DS 1
00180060 KVP DS 1
00180080 RepetitionTime DS 1
00180081 EchoTime DS 1
00180082 InversionTime DS 1
00180086 EchoNumbers IS 1-n
00180088 SpacingBetweenSlices DS 1
00180089 NumberOfPhaseEncodingSteps IS 1
00181020 SoftwareVersions LO 1-n
00181030 ProtocolName LO 1
00181060 TriggerTime DS 1
00181063 FrameTime DS 1
00181065 FrameTimeVector DS 1-n
00181072 RadiopharmaceuticalStartTime TM 1
00181074 RadionuclideTotalDose DS 1
00181075 RadionuclideHalfLife DS 1
00181078 RadiopharmaceuticalStartDateTime DT 1
00181090 CardiacNumberOfImages IS 1
00181114 EstimatedRadiographicMagnificationFactor DS 1
00181120 GantryDetectorTilt DS 1
00181164 ImagerPixelSpacing DS 2
00181210 ConvolutionKernel SH 1-n
00181242 ActualFrameDuration IS 1
00181312 InPlanePhaseEncodingDirection CS 1
00181314 FlipAngle DS 1
00181510 PositionerPrimaryAngle DS 1
00181511 PositionerSecondaryAngle DS 1
00182010 NominalScannedPixelSpacing DS 2
00185100 PatientPosition CS 1
00186011 SequenceOfUltrasoundRegions SQ 1
00189074 FrameAcquisitionDateTime DT 1
00189075 DiffusionDirectionality CS 1
00189076 DiffusionGradientDirectionSequence SQ 1
00189079 InversionTimes FD 1-n
00189082 EffectiveEchoTime FD 1
00189087 DiffusionBValue FD 1
00189089 DiffusionGradientOrientation FD 3
00189112 MRTimingAndRelatedParametersSequence SQ 1
00189114 MREchoSequence SQ 1
00189115 MRModifierSequence SQ 1
00189117 MRDiffusionSequence SQ 1
00189118 CardiacSynchronizationSequence SQ 1
00189151 FrameReferenceDateTime DT 1
00189220 FrameAcquisitionDuration FD 1
00189226 MRImageFrameTypeSequence SQ 1
00189329 CTImageFrameTypeSequence SQ 1
00189701 DecayCorrectionDateTime DT 1
00189751 PETFrameTypeSequence SQ 1
00189758 DecayCorrected CS 1
00189759 AttenuationCorrected CS 1
00189767 SensitivityCalibrated CS 1
0020000D StudyInstanceUID UI 1
0020000E SeriesInstanceUID UI 1
00200010 StudyID SH 1
00200011 SeriesNumber IS 1
00200012 AcquisitionNumber IS 1
00200013 InstanceNumber IS 1
00200032 ImagePositionPatient DS 3
00200037 ImageOrientationPatient DS 6
00200052 FrameOfReferenceUID UI 1
00200100 TemporalPositionIdentifier IS 1
00200105 NumberOfTemporalPositions IS 1
00201041 SliceLocation DS 1
00201206 NumberOfStudyRelatedSeries IS 1
00201208 NumberOfStudyRelatedInstances IS 1
00201209 NumberOfSeriesRelatedInstances IS 1
00204000 ImageComments LT 1
00209056 StackID SH 1
00209057 InStackPositionNumber UL 1
00209111 FrameContentSequence SQ 1
00209113 PlanePositionSequence SQ 1
00209116 PlaneOrientationSequence SQ 1
00209128 TemporalPositionIndex UL 1
00209153 NominalCardiacTriggerDelayTime FD 1
00209157 DimensionIndexValues UL 1-n
00209165 DimensionIndexPointer AT 1
00209167 FunctionalGroupPointer AT 1
00209222 DimensionIndexSequence SQ 1
00209241 NominalPercentageOfCardiacPhase FL 1
00209245 NominalPercentageOfRespiratoryPhase FL 1
00209253 RespiratorySynchronizationSequence SQ 1
0020930D TemporalPositionTimeOffset FD 1
0020930E PlanePositionVolumeSequence SQ 1
0020930F PlaneOrientationVolumeSequence SQ 1
00280002 SamplesPerPixel US 1
00280004 PhotometricInterpretation CS 1
00280006 PlanarConfiguration US 1
00280008 NumberOfFrames IS 1
00280009 FrameIncrementPointer AT 1-n
00280010 Rows US 1
00280011 Columns US 1
00280030 PixelSpacing DS 2
00280034 PixelAspectRatio IS 2
00280051 CorrectedImage CS 1-n
00280100 BitsAllocated US 1
00280101 BitsStored US 1
00280102 HighBit US 1
00280103 PixelRepresentation US 1
00280120 PixelPaddingValue US 1
00280121 PixelPaddingRangeLimit US 1
00280301 BurnedInAnnotation CS 1
00281050 WindowCenter DS 1-n
00281051 WindowWidth DS 1-n
00281052 RescaleIntercept DS 1
00281053 RescaleSlope DS 1
00281054 RescaleType LO 1
00281056 VOILUTFunction CS 1
00281101 RedPaletteColorLookupTableDescriptor US 3
00281102 GreenPaletteColorLookupTableDescriptor US 3
00281103 BluePaletteColorLookupTableDescriptor US 3
00281201 RedPaletteColorLookupTableData OW 1
00281202 GreenPaletteColorLookupTableData OW 1
00281203 BluePaletteColorLookupTableData OW 1
00282110 LossyImageCompression CS 1
00282112 LossyImageCompressionRatio DS 1-n
00282114 LossyImageCompressionMethod CS 1-n
00283000 ModalityLUTSequence SQ 1
00289110 PixelMeasuresSequence SQ 1
00289145 PixelValueTransformationSequence SQ 1
00409094 ReferencedImageRealWorldValueMappingSequence SQ 1
00409096 RealWorldValueMappingSequence SQ 1
00409220 QuantityDefinitionSequence SQ 1
00409224 RealWorldValueIntercept FD 1
00409225 RealWorldValueSlope FD 1
00420011 EncapsulatedDocument OB 1
00420015 EncapsulatedDocumentLength UL 1
00540010 EnergyWindowVector US 1-n
00540016 RadiopharmaceuticalInformationSequence SQ 1
00540020 DetectorVector US 1-n
00540022 DetectorInformationSequence SQ 1
00540030 PhaseVector US 1-n
00540050 RotationVector US 1-n
00540060 RRIntervalVector US 1-n
00540070 TimeSlotVector US 1-n
00540080 SliceVector US 1-n
00540090 AngularViewVector US 1-n
00540100 TimeSliceVector US 1-n
00541000 SeriesType CS 2
00541001 Units CS 1
00541006 SUVType CS 1
00541102 DecayCorrection CS 1
00541300 FrameReferenceTime DS 1
00541321 DecayFactor DS 1
00541322 DoseCalibrationFactor DS 1
00541330 ImageIndex US 1
0062000D RecommendedDisplayCIELabValue US 3
0062000E MaximumFractionalValue US 1
00700080 ContentLabel CS 1
30020002 RTImageLabel SH 1
30020003 RTImageName LO 1
30020004 RTImageDescription ST 1
3002000C RTImagePlane CS 1
3002000D XRayImageReceptorTranslation DS 3
3002000E XRayImageReceptorAngle DS 1
30020010 RTImageOrientation DS 6
30020011 ImagePlanePixelSpacing DS 2
30020012 RTImagePosition DS 2
30020022 RadiationMachineSAD DS 1
30020026 RTImageSID DS 1
30040002 DoseUnits CS 1
30040004 DoseType CS 1
30040008 NormalizationPoint DS 3
3004000A DoseSummationType CS 1
3004000C GridFrameOffsetVector DS 2-n
3004000E DoseGridScaling DS 1
30040014 TissueHeterogeneityCorrection CS 1-3
30060002 StructureSetLabel SH 1
30060004 StructureSetName LO 1
30060010 ReferencedFrameOfReferenceSequence SQ 1
30060020 StructureSetROISequence SQ 1
30060036 ROIGenerationAlgorithm CS 1
30060039 ROIContourSequence SQ 1
30060040 ContourSequence SQ 1
30060042 ContourGeometricType CS 1
30060044 ContourSlabThickness DS 1
30060045 ContourOffsetVector DS 3
30060046 NumberOfContourPoints IS 1
30060050 ContourData DS 3-3n
30060080 RTROIObservationsSequence SQ 1
300600A4 RTROIInterpretedType CS 1
300600B0 ROIPhysicalPropertiesSequence SQ 1
300A0002 RTPlanLabel SH 1
300A0003 RTPlanName LO 1
300A0070 FractionGroupSequence SQ 1
300A0071 FractionGroupNumber IS 1
300A0084 BeamDose DS 1
300A0086 BeamMeterset DS 1
300A011E GantryAngle DS 1
300A0120 BeamLimitingDeviceAngle DS 1
300A0122 PatientSupportAngle DS 1
300A0125 TableTopEccentricAngle DS 1
300A012C IsocenterPosition DS 3
300A0140 TableTopPitchAngle FL 1
300A0144 TableTopRollAngle FL 1
300A014A GantryPitchAngle FL 1
300C0002 ReferencedRTPlanSequence SQ 1
300C0004 ReferencedBeamSequence SQ 1
300C0006 ReferencedBeamNumber IS 1
300C0020 ReferencedFractionGroupSequence SQ 1
300C0022 ReferencedFractionGroupNumber IS 1
300C0060 ReferencedStructureSetSequence SQ 1
300C0080 ReferencedDoseSequence SQ 1
52009229 SharedFunctionalGroupsSequence SQ 1
52009230 PerFrameFunctionalGroupsSequence SQ 1
7FE00001 ExtendedOffsetTable OV 1
7FE00002 ExtendedOffsetTableLengths OV 1
7FE00008 FloatPixelData OF 1
7FE00009 DoubleFloatPixelData OD 1
7FE00010 PixelData OB 1
"""

KEYWORDS: dict[str, str] = {}
KEYWORD_OF: dict[str, str] = {}
VRS: dict[str, str] = {}
for _line in _TABLE.split("\n"):
    if _line:
        _key, _keyword, _vr, _ = _line.split(" ")
        KEYWORDS[_keyword] = _key
        KEYWORD_OF[_key] = _keyword
        VRS[_key] = _vr
# Slicer has it precached although no edition of PS3.6 does; looking for it would load the whole dictionary.
VRS["00200031"] = "UN"


def keyword_of(key: str) -> str:
    """The PS3.6 keyword of a standard tag's key; the key itself when it has none."""
    if keyword := KEYWORD_OF.get(key):
        return keyword
    if "|" in key or ":" in key:
        return key
    from pydicom.datadict import keyword_for_tag  # only for tags outside the table

    return keyword_for_tag(int(key, 16)) or key
