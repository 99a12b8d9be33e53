"""Where our database differs from what CTK itself stores, and why: the one list behind the test and the page.

``python -m dicomlogic_core.testing.ctk_differences`` writes the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

EVERY_CASE = "*"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference that is meant.

    Attributes:
        case: of the reference collection, or `EVERY_CASE`.
        field: ``Table.Column``, ``Table rows`` (one side has rows that the other lacks), ``Table order`` or
            ``TagCache tag``.
        reason: why ours is right, or no worse.
    """

    case: str
    field: str
    reason: str


_DERIVED = (
    "inconsistent_series",
    "bitflip_header_0.dcm",
    "bitflip_header_1.dcm",
    "bitflip_header_2.dcm",
    "bitflip_header_4.dcm",
    "bits_13.dcm",
    "charset_unknown.dcm",
    "date_invalid.dcm",
    "ds_comma.dcm",
    "ds_huge.dcm",
    "ds_text.dcm",
    "frames_huge.dcm",
    "frames_negative.dcm",
    "iop_5values.dcm",
    "iop_zero.dcm",
    "ipp_nan.dcm",
    "is_float.dcm",
    "is_overflow.dcm",
    "missing_BitsAllocated.dcm",
    "missing_ImageOrientationPatient.dcm",
    "missing_ImagePositionPatient.dcm",
    "missing_Modality.dcm",
    "missing_PatientID.dcm",
    "missing_PixelData.dcm",
    "missing_PixelSpacing.dcm",
    "missing_Rows.dcm",
    "missing_SOPInstanceUID.dcm",
    "missing_SeriesInstanceUID.dcm",
    "name_nul_newline.dcm",
    "nested_400.dcm",
    "rows_65535.dcm",
    "rows_zero.dcm",
    "spacing_zero.dcm",
    "time_invalid.dcm",
    "ts_unknown.dcm",
    "uid_letters.dcm",
    "uid_long.dcm",
    "uid_sql.dcm",
    "ünïcødé dir with space/Ж file (1).dcm",
    "all_in_order",
)
CASES = (
    "charset/pydicom_charsets",
    "mr_enhanced/siemens_xa30_enh",
    "mr_enhanced/philips_enh_fieldmap",
    "rt/dicompyler_dose_struct_plan",
    "rt/pydicom_rt_small",
    "rt/rtplan_monaco_nometa",
    "pet_suv/suv_dro_0_0",
    "transfer_syntax/siemens_mosaic_9_transfer_syntaxes",
    "other_modalities/dicomdir_pydicom",
    "other_modalities/pydicom_misc",
    "seg_pm_sr/dcmqi",
    "ct/ct_irregular_increment",
    "mr_localizer/mr_two_orientations",
    "mr_anatomical/rgb_volume",
    "mr_anatomical/hitachi_anatomical",
    "malformed/pydicom",
    "malformed/pydicom_data",
    *(f"malformed/derived#{name}" for name in _DERIVED),
    "ct/ct_gantry_tilt#copied",
)
"""The databases of the reference, in its order."""

_COUNTS = ("Patients.DisplayedNumberOfStudies", "Patients.DisplayedLastStudyDate")
_ROWS = ("Images rows", "Patients rows", "Studies rows", "Series rows")

# reason -> (case, fields) pairs
_REASONS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "Dates stay ISO text. CTK's displayed-field update turns StudyDate into the integer YYYYMMDD, impossible days "
    "included, and text and integers do not sort together.": ((EVERY_CASE, ("Studies.StudyDate",)),),
    "The cache says what the header says. CTK stores ISO_IR 100 where (0008,0005) is absent or begins with an empty "
    "value.": ((EVERY_CASE, ("TagCache 0008,0005",)),),
    "Text is decoded as the standard says: all character sets of (0008,0005) and code extensions. CTK knows the first "
    "one only.": (("charset/pydicom_charsets", ("Patients rows", "Studies.PatientsUID", "TagCache 0010,0010")),),
    "A NUL inside a value is dropped and the text goes on; CTK stops there.": (
        ("malformed/derived#name_nul_newline.dcm", ("Patients rows", "Studies.PatientsUID", "TagCache 0010,0010")),
    ),
    "An empty PatientID or PatientName is replaced before patients are counted and named, so their counts are filled; "
    "CTK looks for the empty one and leaves NULL.": (
        ("other_modalities/pydicom_misc", _COUNTS[:1]),
        ("malformed/pydicom", (*_COUNTS, "Patients.DisplayedPatientsName")),
        ("malformed/pydicom_data", (*_COUNTS, "Patients.DisplayedPatientsName")),
        ("malformed/derived#missing_PatientID.dcm", _COUNTS),
    ),
    "A standard element whose VR is written as UN is read with the VR of the dictionary; CTK takes the hexadecimal "
    "form of its first byte for the value, UIDs included.": (
        ("rt/pydicom_rt_small", (*_ROWS, "Images.Filename")),
        ("malformed/pydicom_data", (*_ROWS, "Images.Filename")),
    ),
    "A file that ends early is indexed as far as it goes and refused when it is loaded; CTK rejects it.": (
        ("malformed/pydicom", _ROWS),
    ),
    "The same SOPInstanceUID again updates its row, which keeps its place in the series; CTK deletes the row and adds "
    "another at the end, so that other instances come first.": (
        ("malformed/derived#inconsistent_series", ("Images order", "Series.DisplayedSize")),
        ("malformed/derived#all_in_order", ("Images order", "Series.DisplayedSize", "Studies.DisplayedNumberOfSeries")),
    ),
    "A parent is made for an instance only, and one that lost its last instance goes; CTK leaves patients, studies and "
    "series of replaced and refused files.": (
        ("malformed/derived#all_in_order", ("Patients rows", "Series rows")),
        ("malformed/derived#missing_SOPInstanceUID.dcm", ("Patients rows", "Studies rows", "Series rows")),
    ),
    "Displayed fields of a patient and study without any instance are filled as well; CTK fills them from instances "
    "only.": (
        (
            "malformed/derived#missing_SeriesInstanceUID.dcm",
            (
                *_COUNTS,
                "Patients.DisplayedPatientsName",
                "Patients.DisplayedFieldsUpdatedTimestamp",
                "Studies.DisplayedNumberOfSeries",
                "Studies.DisplayedFieldsUpdatedTimestamp",
            ),
        ),
    ),
    "An attribute that is present and empty gives an empty text whatever the character set; CTK gives NULL where it "
    "does not know the character set.": (
        (
            "malformed/derived#charset_unknown.dcm",
            ("Series.ContrastAgent", "Studies.AccessionNumber", "Studies.ReferringPhysician"),
        ),
    ),
    "Blanks inside a UID stay: the UID is a key and must be the one that the file has. CTK removes them.": (
        ("malformed/derived#uid_sql.dcm", ("Images.SeriesInstanceUID", "Series rows", "TagCache 0020,000E")),
    ),
    "Files are never copied into the database folder.": (("ct/ct_gantry_tilt#copied", ("Images.Filename",)),),
}

DIFFERENCES = tuple(
    Difference(case, field, reason)
    for reason, places in _REASONS.items()
    for case, fields in places
    for field in fields
)


def page() -> str:
    """The page in Markdown."""
    lines = [
        "# Differences from CTK",
        "",
        "The database files are those of `ctkDICOMDatabase`, schema 0.8.1, and 3D Slicer opens them as its own. For",
        "the same files in the same order every row of every table and of the tag cache equals what CTK stores, but",
        "for the following. A test compares both on the reference collection; a difference that is not listed here",
        "fails it, and so does one that is listed and no longer there. This page is made from that list.",
        "",
    ]
    for reason, items in groupby(DIFFERENCES, key=lambda item: item.reason):
        title, mark, rest = reason.partition("; ") if "; " in reason else reason.partition(". ")
        lines += [f"## {title.rstrip('.')}", ""]
        if mark:
            lines += [rest, ""]
        lines += ["| case | field |", "|---|---|"]
        lines += [f"| {'every case' if item.case == EVERY_CASE else item.case} | {item.field} |" for item in items]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    path = Path(__file__).resolve().parents[2] / "docs" / "reference" / "differences-from-ctk.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
