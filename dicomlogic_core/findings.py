"""Findings: what is worth knowing about data, with a stable code and a remedy.

`CODES` is the one table of codes. A finding with an unknown code is refused, so that the documentation is complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dicomlogic_core.errors import DicomLogicError

Severity = Literal["note", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One observation about the data.

    Attributes:
        code: key of `CODES`, e.g. ``geometry.gap``.
        severity: ``note``, ``warning`` or ``error``.
        message: what, with numbers and units (mm, HU, Gy, SUV); no patient values.
        where: SOPInstanceUIDs (and frame, ROI, beam), files or URLs it concerns.
        remedy: what to do about it; empty when nothing needs doing.
    """

    code: str
    severity: Severity
    message: str
    where: tuple[str, ...] = ()
    remedy: str = ""

    def as_dict(self) -> dict[str, object]:
        """The JSON shape of the command line."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "where": list(self.where),
            "remedy": self.remedy,
        }


def merged(known: Iterable[Finding], more: Iterable[Finding]) -> tuple[Finding, ...]:
    """`known`, followed by those of `more` that say something new: another code, or of another place."""
    known = tuple(known)
    said = {(one.code, one.where) for one in known}
    return (*known, *(one for one in dict.fromkeys(more) if (one.code, one.where) not in said))


def finding(
    code: str, message: str, *, where: tuple[str, ...] = (), severity: Severity | None = None, remedy: str | None = None
) -> Finding:
    """Make a finding; severity and remedy come from `CODES` unless given.

    Raises:
        KeyError: when `code` is not in `CODES`.
    """
    default_severity, _, default_remedy = CODES[code]
    return Finding(
        code=code,
        severity=default_severity if severity is None else severity,
        message=message,
        where=where,
        remedy=default_remedy if remedy is None else remedy,
    )


def finding_from_error(error: DicomLogicError, *, severity: Severity = "error") -> Finding:
    """The finding that reports an error."""
    return Finding(
        code=error.code,
        severity=severity,
        message=error.message,
        where=(error.where,) if error.where else (),
        remedy=error.remedy,
    )


# code -> (severity, meaning, remedy); grouped by the part of the project that makes it.
CODES: dict[str, tuple[Severity, str, str]] = {
    # files and headers
    "file.not-dicom": ("note", "a file that is not DICOM was passed over", ""),
    "file.unreadable": ("error", "a file or folder could not be read", "check its permissions, then index again"),
    "file.truncated": ("error", "a file ends inside its header", "copy it again from its origin"),
    "file.changed": ("error", "a file is no longer the instance that was indexed", "index its folder again"),
    "file.dicomdir": ("note", "a DICOMDIR is not used as an index; its files are found by themselves", ""),
    "file.preamble-executable": (
        "warning",
        "the preamble begins like an executable program",
        "never run the file; have it written anew",
    ),
    "header.element": ("warning", "an element could not be read; the others are kept", "repair the header"),
    "header.integer-range": ("warning", "an integer is unreadable or beyond 32 bits; 0 is stored", "repair the header"),
    "header.limit": ("error", "a header exceeds a limit (depth, size, elements)", "check where the file comes from"),
    "header.charset": ("warning", "unknown character set; letters beyond ASCII are shown as ?", "repair the header"),
    # index
    "index.missing-uid": ("error", "an instance without its UIDs was refused", "repair the header, then index again"),
    "index.parent-conflict": (
        "warning",
        "a study or series appears under two parents; the first is kept",
        "check which of the two is meant",
    ),
    "index.duplicate-conflict": ("note", "one UID came with different content; the last is kept", "check the source"),
    "index.folder-prefix": (
        "warning",
        "a source folder's name begins like the database folder's",
        "rename one of the two folders",
    ),
    "index.data-inside": (
        "warning",
        "data lies inside the database folder; Slicer may delete originals",
        "move the data, or name another folder: --db DIR",
    ),
    "index.journal-fallback": ("note", "write-ahead logging does not work here; a rollback journal is used", ""),
    "index.header-damaged": ("error", "stored headers are damaged", "index into a new folder"),
    "index": ("error", "the database failed", "check the disk and the folder"),
    "index.damaged": ("error", "the database file is damaged", "index into a new folder, or restore a copy"),
    "index.schema-version": (
        "error",
        "the database has another schema version",
        "update it in Slicer, or use a new folder",
    ),
    "index.schema-foreign": (
        "error",
        "the database holds unexpected tables, triggers or views",
        "index into a new folder",
    ),
    "index.path-refused": ("error", "a stored path leads outside the folders named", "index the location again"),
    "index.host-refused": (
        "error",
        "a stored URL's host was not named in this process",
        "name the source in this process: --source URL",
    ),
    "index.again": ("note", "a plugin needs columns that were not kept", "index the location again"),
    # sources and network
    "source.incomplete": ("error", "a source delivered fewer instances than it announced", "index again"),
    "source.duplicate": ("note", "a source has one instance twice; which is kept is told", "check which is meant"),
    "source.paging": (
        "warning",
        "the server's paging could not be followed to its end",
        "narrow the query: --where KEYWORD=VALUE",
    ),
    "source.bulk-refused": (
        "warning",
        "a bulk data address outside the source was refused",
        "allow the host: allow-hosts=https://HOST",
    ),
    "network": ("error", "an HTTP exchange failed", "try again later"),
    "network.unauthorized": (
        "error",
        "the server refused the credentials",
        "name valid credentials: auth=env:NAME, or user=... and password=...",
    ),
    "network.forbidden": ("error", "the server forbids this request", "ask for access"),
    "network.busy": ("error", "what was asked for is being changed", "wait until that has ended, then try again"),
    "network.not-found": ("error", "the server does not have what was asked", "check the URL, then index again"),
    "network.login-page": ("error", "an HTML page came instead of data", "check the URL and log in"),
    "network.truncated": ("error", "a body ended early", "fetch again"),
    "network.parts": ("error", "an answer has not as many parts as were asked for", "fetch again"),
    "network.not-json": ("error", "something else than DICOM JSON came", "check the URL"),
    "network.evidence": ("error", "bytes came that cannot be the frame asked for", "check the server"),
    "network.no-form": ("error", "a server gives a frame in no form that can be used", "check the server's decoders"),
    "network.too-large": ("error", "an answer exceeds its limit", "check the server"),
    "network.refused": (
        "error",
        "a URL or redirect outside the source was refused",
        "allow the host: allow-hosts=https://HOST",
    ),
    "network.unavailable": ("error", "the server could not be reached", "check that it is running, then try again"),
    # plugins
    "plugin.failed": ("error", "a plugin failed; the others went on", "report it to the plugin's author"),
    "plugin.missing": ("note", "no installed plugin handles this kind of object", "install the named distribution"),
    # geometry
    "geometry.gap": (
        "warning",
        "slices missing at integer multiples of the spacing",
        "fetch them; loaded as irregular=fill",
    ),
    "geometry.spacing-varies": ("warning", "2-3 runs of different spacing", "irregular=split or irregular=resample"),
    "geometry.spacing-irregular": ("warning", "no regular spacing", "irregular=resample; or use the position table"),
    "geometry.spacing-rounding": ("note", "spacing differs by at most 1 %", ""),
    "geometry.overlap": ("warning", "interleaved or restarted blocks", "load a sub-series, or irregular=resample"),
    "geometry.tilt": ("note", "sheared stack, angle given", ""),
    "geometry.drift": (
        "warning",
        "positions off the fitted line by > 0.01 mm",
        "check the movement of the table; the position table holds every place",
    ),
    "geometry.duplicate": ("warning", "several frames at the same position", "choose an axis or a sub-series"),
    "geometry.mixed-orientation": ("warning", "several orientations, split", "load the wanted part"),
    "geometry.orientation-jitter": ("note", "direction cosines differ by 1e-4 to 1e-3", ""),
    "geometry.mixed-matrix": ("warning", "Rows or Columns differ, split", "load the wanted part"),
    "geometry.mixed-pixel-spacing": ("warning", "PixelSpacing differs, split", "load the wanted part"),
    "geometry.mixed-frame-of-reference": (
        "warning",
        "several frames of reference in one series, split",
        "load the wanted part; register to join them",
    ),
    "geometry.missing-position": (
        "error",
        "no position or orientation where needed",
        "other source; assume_stack=true",
    ),
    "geometry.invalid-orientation": ("error", "direction cosines not unit, orthogonal or finite", "repair the headers"),
    "geometry.localizer": ("note", "localizer set apart", ""),
    "geometry.single-slice": ("note", "slice step taken from the named tag", ""),
    "geometry.image-plane": ("note", "2-D class without patient position", ""),
    "geometry.uncalibrated": (
        "warning",
        "pixel size assumed, detector plane or unknown",
        "calibrate by an object of known size before measuring in mm",
    ),
    "geometry.spacing-tag": ("note", "spacing tags contradict positions (> 1 %) or are negative; positions used", ""),
    "geometry.assumed-normal": (
        "warning",
        "slice direction assumed (mosaic without CSA header)",
        "check which end is the head",
    ),
    "geometry.non-parallel": ("error", "slices not parallel", "load the parts by orientation"),
    "geometry.vendor-grid": ("error", "vendor tiling not understood", "export it from the scanner slice by slice"),
    "geometry.quadruped": ("note", "axis meaning differs (animal)", ""),
    "geometry.resampled": ("note", "values interpolated, kernel and grid given", "irregular=as-is"),
    # series
    "series.four-dimensional": (
        "warning",
        "several frames at every position: a time or parameter series",
        "pip install dicomlogic-multi-volume",
    ),
    "series.left-out": ("warning", "instances or series of which nothing is made", "check their pixel attributes"),
    "series.split": ("note", "parts by the named key", ""),
    "series.derived": ("note", "derived image (ADC, MIP, reformat)", "prefer the original"),
    "series.not-image": ("note", "screen save, dose sheet, unknown class", ""),
    # axes
    "axis.incomplete": (
        "warning",
        "some positions lack frames; counts given",
        "fetch them, or accept the complete ones",
    ),
    "axis.ambiguous": ("note", "several axes fit; chosen and rejected named", "option axis=..."),
    "axis.from-instance-number": ("warning", "order by InstanceNumber only", "verify the timing"),
    "axis.rank": ("note", "labels are minima of per-slice values", ""),
    "axis.irregular-step": ("note", "intervals vary, or RepetitionTime differs from them", "use the labels"),
    "axis.midnight": ("note", "24 h added to times after midnight", ""),
    "axis.mixed-definition": ("note", "frames with and without the attribute, split", ""),
    "dwi.derived-excluded": ("note", "trace, ADC or isotropic frames left out", "load them apart"),
    # radiotherapy
    "rt.contour-offset": ("warning", "ContourOffsetVector moves slabs off their contours; not applied", "verify"),
    "rt.contour-open": ("note", "an open contour is kept as a line, not filled", ""),
    "rt.contour-short": (
        "warning",
        "contours of few points, or whose count or values do not fit",
        "compare with the planning system",
    ),
    "rt.contour-overlap": (
        "warning",
        "contours of one plane cross; their common part is outside by the even-odd rule",
        "draw them as one contour, or in separate regions",
    ),
    "rt.contour-duplicate": ("warning", "contours that are there twice, taken once", "verify"),
    "rt.contour-off-plane": ("warning", "contours with no slice within half a step", "rasterise on another grid"),
    "rt.contour-outside": ("warning", "contours leave the grid, clipped", "take a larger grid"),
    "rt.plane-spacing": (
        "warning",
        "planes of contours unevenly spaced, or without a thickness",
        "compare with the planning system",
    ),
    "rt.dvh-outside-grid": ("warning", "part of a structure lies outside the dose", "take a larger dose grid"),
    "rt.roi-empty": ("note", "a region without contours", ""),
    "rt.roi-duplicate-name": ("note", "regions of one name, made unique", ""),
    "rt.roi-incomplete": (
        "warning",
        "parts of a structure set that belong together do not",
        "compare with the planning system",
    ),
    "rt.multiple-frames-of-reference": ("warning", "regions lie in several frames of reference", "use them apart"),
    "rt.reference-missing": ("warning", "a referenced instance or series is absent", "index it as well"),
    "rt.dose-no-scaling": ("error", "DoseGridScaling absent or unusable", "option scaling=..."),
    "rt.dose-offsets": (
        "error",
        "planes of the dose contradict each other; a note: how they were read",
        "compare with the planning system",
    ),
    "rt.dose-units": ("warning", "relative or unknown dose units", "normalise before comparing with Gy"),
    "rt.dose-signed": (
        "warning",
        "signed values though the dose is no difference (DoseType ERROR)",
        "compare with the planning system",
    ),
    "rt.dose-sum": ("warning", "summands incomplete, or differ in type or extent", "choose doses"),
    "rt.registration-matrix": (
        "warning",
        "a matrix of a registration cannot be what it says",
        "look at the images registered, one over the other",
    ),
    "rt.registration-order": (
        "warning",
        "a registration of several matrices, whose order matters",
        "look at the images registered; 3D Slicer multiplies in the other order",
    ),
    "rt.registration-grid": ("error", "a deformation without usable grid or matrices is left out", "export it again"),
    "rt.fiducial-empty": ("note", "a fiducial without usable points", ""),
    "rt.plan-missing": ("note", "attribute of a plan absent, left empty", ""),
    "rt.plan-contradiction": ("warning", "a plan says two things", "look at the plan in the system that made it"),
    "rt.image-placement": ("warning", "no isocentre or no normal plane: an image without a place", "index the plan"),
    # standardized uptake values; warnings become errors where an uptake value was asked for
    "suv.no-weight": ("warning", "PatientWeight is absent, zero or unreadable", "give it: weight-kg=..."),
    "suv.no-height": ("warning", "PatientSize is absent, zero or unreadable", "give it: height-cm=..."),
    "suv.no-dose": ("warning", "RadionuclideTotalDose is absent, zero or unreadable", "give it: dose-mbq=..."),
    "suv.no-half-life": ("warning", "RadionuclideHalfLife is absent, zero or unreadable", "give it: half-life-s=..."),
    "suv.no-injection-time": ("warning", "no usable time of injection", "give it: injection-time=..."),
    "suv.no-reference-time": (
        "warning",
        "no usable time to which the activity is corrected for decay",
        "give it: reference-time=...",
    ),
    "suv.units-unsupported": ("warning", "Units that cannot become activity", "load the stored values: suv=stored"),
    "suv.not-attenuation-corrected": (
        "warning",
        "CorrectedImage does not name ATTN",
        "accept it: uncorrected=accept",
    ),
    "suv.not-decay-corrected": ("warning", "CorrectedImage does not name DECY", "say to what: decay-correction=..."),
    "suv.decay-correction": (
        "warning",
        "DecayCorrection is absent or unknown",
        "give it: decay-correction=START, ADMIN or NONE",
    ),
    "suv.weight-in-grams": ("warning", "the weight was read as grams", "verify; or give it: weight-kg=..."),
    "suv.dose-in-mbq": ("warning", "the dose was read as MBq", "verify; or give it: dose-mbq=..."),
    "suv.height-unit": ("warning", "the height was read as centimetres", "verify; or give it: height-cm=..."),
    "suv.sex-unknown": ("warning", "the mean of the formulas for men and women is used", "verify; or give it: sex=..."),
    "suv.body-range": (
        "warning",
        "weight or height that nobody has, or that a formula does not hold for",
        "verify; or give them: weight-kg=..., height-cm=...",
    ),
    "suv.dose-range": ("warning", "a dose far from those that are injected", "verify; or give it: dose-mbq=..."),
    "suv.half-life-range": ("warning", "a half-life that is not the nuclide's", "verify; or give it: half-life-s=..."),
    "suv.midnight": ("warning", "the injection was put on the day before the scan", "verify; or injection-time=..."),
    "suv.date-repaired": ("warning", "the date of injection was replaced", "verify; or give it: injection-time=..."),
    "suv.injection-after-scan": ("error", "the injection lies after the scan", "give it: injection-time=..."),
    "suv.uptake-range": ("warning", "an uptake time outside the usual range", "verify the times"),
    "suv.reference-time": ("note", "which rule gave the time of the decay correction", ""),
    "suv.philips-factor": (
        "warning",
        "a private factor is absent or zero, or the two disagree",
        "compare with what the scanner shows",
    ),
    "suv.rwvm-ambiguous": (
        "warning",
        "a mapped slope that fits neither stored nor rescaled values",
        "compute the uptake instead: suv=bw",
    ),
    "suv.timezone": ("warning", "offsets from UTC differ or are unclear", "verify the times"),
    "suv.intercept": ("warning", "RescaleIntercept of PET is not 0", "verify the scaling"),
    "suv.rescale": ("warning", "RescaleSlope is absent, zero, negative or unreadable", "repair the headers"),
    "suv.duration": ("warning", "a frame of unusual duration", "verify ActualFrameDuration"),
    "suv.inputs-vary": (
        "warning",
        "an input differs inside the series, or two attributes contradict each other",
        "verify the inputs in the report",
    ),
    "suv.option": ("note", "a value given by option was used, or could not be", ""),
    "petct.no-ct": ("note", "no CT of the PET's frame of reference covers it", ""),
    # pixels
    "pixels.short": ("error", "fewer bytes than the header says", "fetch again; zero fill by option short=zero"),
    "pixels.missing": ("error", "frame not delivered", "fetch again"),
    "pixels.decode-failed": (
        "error",
        "decoder error, frame and syntax named",
        'install more decoders: pip install "dicomlogic-core[codecs,codecs-light]"',
    ),
    "pixels.checksum": ("warning", "a frame's checksum is not the source's", "fetch again; compare with the original"),
    "pixels.unsupported-syntax": ("error", "no decoder installed", "pip install the named package"),
    "pixels.invalid-header": ("error", "pixel attributes absent, impossible or not handled", "repair the headers"),
    "pixels.too-large": ("error", "above the memory budget", "load lazily, or raise the limit: memory-gib=N"),
    "pixels.rescale-varies": ("note", "slope or intercept differ by frame, applied per frame", ""),
    "pixels.rescale-missing": ("warning", "CT without rescale: values may not be HU", "treat as arbitrary units"),
    "pixels.rescale-invalid": ("error", "slope infinite, NaN or 0", "repair the headers"),
    "pixels.not-hu": ("warning", "RescaleType or slope contradict HU", "treat as arbitrary units"),
    "pixels.modality-lut": ("note", "modality LUT applied", ""),
    "pixels.monochrome1": ("note", "MONOCHROME1 kept, not inverted", "invert for display"),
    "pixels.padding": ("note", "padding masked; value given", ""),
    "pixels.type-mixed": ("note", "common type chosen", ""),
    "pixels.photometric": ("warning", "tag contradicts the stream; stream used", "compare colours before measuring"),
    "pixels.overlay-bits": ("note", "high bits masked", ""),
    "pixels.lossy": ("note", "lossy history, ratio given", "verify what is measured on data that was never lossy"),
}
