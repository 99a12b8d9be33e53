"""The tables: ctkDICOM 0.8.1 to the letter (3D Slicer opens these files as its own), the tag cache, and our own file.

Declared types matter: SQLite derives the affinity from them (DATE, TIME and DATETIME are NUMERIC, INT is INTEGER).
"""

from __future__ import annotations

SCHEMA_VERSION = "0.8.1"

MAIN_FILE = "ctkDICOM.sql"
CACHE_FILE = "ctkDICOMTagCache.sql"
OWN_FILE = "dicomlogic.sql"

# Table -> columns in their order: name, declared type with constraints.
TABLES: dict[str, str] = {
    "SchemaInfo": "Version VARCHAR(1024) NOT NULL",
    "Images": """
        SOPInstanceUID VARCHAR(64) NOT NULL, Filename VARCHAR(1024), URL VARCHAR(2048),
        SeriesInstanceUID VARCHAR(64) NOT NULL, InsertTimestamp VARCHAR(20) NOT NULL,
        DisplayedFieldsUpdatedTimestamp DATETIME, PRIMARY KEY (SOPInstanceUID)""",
    "Patients": """
        UID INTEGER PRIMARY KEY AUTOINCREMENT, PatientsName VARCHAR(255), PatientID VARCHAR(255),
        PatientsBirthDate DATE, PatientsBirthTime TIME, PatientsSex VARCHAR(1), PatientsAge VARCHAR(10),
        PatientsComments VARCHAR(255), InsertTimestamp VARCHAR(20) NOT NULL, DisplayedPatientsName VARCHAR(255),
        DisplayedNumberOfStudies INT, DisplayedLastStudyDate DATE, DisplayedFieldsUpdatedTimestamp DATETIME,
        Connections VARCHAR(2048)""",
    "Studies": """
        StudyInstanceUID VARCHAR(64) NOT NULL, PatientsUID INT NOT NULL, StudyID VARCHAR(255), StudyDate DATE,
        StudyTime VARCHAR(20), StudyDescription VARCHAR(255), AccessionNumber VARCHAR(255),
        ModalitiesInStudy VARCHAR(255), InstitutionName VARCHAR(255), ReferringPhysician VARCHAR(255),
        PerformingPhysiciansName VARCHAR(255), InsertTimestamp VARCHAR(20) NOT NULL, DisplayedNumberOfSeries INT,
        DisplayedFieldsUpdatedTimestamp DATETIME, PRIMARY KEY (StudyInstanceUID)""",
    "Series": """
        SeriesInstanceUID VARCHAR(64) NOT NULL, StudyInstanceUID VARCHAR(64) NOT NULL, SeriesNumber INT,
        SeriesDate DATE, SeriesTime VARCHAR(20), SeriesDescription VARCHAR(255), Modality VARCHAR(20),
        BodyPartExamined VARCHAR(255), FrameOfReferenceUID VARCHAR(64), AcquisitionNumber INT,
        ContrastAgent VARCHAR(255), ScanningSequence VARCHAR(45), EchoNumber INT, TemporalPosition INT,
        InsertTimestamp VARCHAR(20) NOT NULL, DisplayedCount INT, DisplayedSize VARCHAR(20),
        DisplayedNumberOfFrames INT, DisplayedFieldsUpdatedTimestamp DATETIME, PRIMARY KEY (SeriesInstanceUID)""",
    "Directories": "Dirname VARCHAR(1024), PRIMARY KEY (Dirname)",
    "ColumnDisplayProperties": """
        TableName VARCHAR(64) NOT NULL, FieldName VARCHAR(64) NOT NULL, DisplayedName VARCHAR(255),
        Visibility INT DEFAULT 1, Weight INT, Format VARCHAR(255), PRIMARY KEY (TableName, FieldName)""",
    "DisplayedFieldGeneratorRules": """
        Name VARCHAR(64) NOT NULL, Enabled INT DEFAULT 1, Options VARCHAR(255), PRIMARY KEY (Name)""",
}

CTK_INDEXES = (
    "CREATE INDEX ImagesFilenameIndex ON Images (Filename)",
    "CREATE INDEX ImagesSeriesIndex ON Images (SeriesInstanceUID)",
    "CREATE INDEX SeriesStudyIndex ON Series (StudyInstanceUID)",
    "CREATE INDEX StudiesPatientIndex ON Studies (PatientsUID)",
)
# CTK means to have this one too but gives it a name already taken, so that every query by URL scans the table.
URL_INDEX = "CREATE INDEX IF NOT EXISTS ImagesURLIndex ON Images (URL)"

CACHE_TABLE = "CREATE TABLE TagCache (SOPInstanceUID, Tag, Value, PRIMARY KEY (SOPInstanceUID, Tag)) WITHOUT ROWID"

_RESIZE = '{"resizeMode":"resizeToContents"}'
_STRETCH = '{"resizeMode":"stretch"}'
_ASCENDING = '{"resizeMode":"resizeToContents", "sort": "ascending"}'
_DESCENDING = '{"sort": "descending"}'
_FORMATS = {"-": "", "R": _RESIZE, "S": _STRETCH, "A": _ASCENDING, "D": _DESCENDING}

# Field, visible, weight (column order), format, shown name.
_DISPLAY = {
    "Patients": """
        UID 0 0 -
        PatientsName 0 0 - Patient name
        PatientID 1 2 - Patient ID
        PatientsBirthDate 1 3 R Birth date
        PatientsBirthTime 0 0 - Birth time
        PatientsSex 1 4 R Sex
        PatientsAge 0 0 - Age
        PatientsComments 0 0 - Comments
        InsertTimestamp 1 7 D Date added
        DisplayedPatientsName 1 1 S Patient name
        DisplayedNumberOfStudies 1 5 R Studies
        DisplayedLastStudyDate 1 6 - Last study date
        DisplayedFieldsUpdatedTimestamp 0 0 -
        Connections 0 0 -""",
    "Studies": """
        StudyInstanceUID 0 0 -
        PatientsUID 0 0 -
        StudyID 1 2 - Study ID
        StudyDate 1 1 A Study date
        StudyTime 0 0 - Study time
        StudyDescription 1 3 S Study description
        AccessionNumber 0 0 - Accession #
        ModalitiesInStudy 0 0 - Modalities
        InstitutionName 0 0 - Institution
        ReferringPhysician 0 0 - Referring physician
        PerformingPhysiciansName 0 0 - Performing physician
        InsertTimestamp 1 5 - Date added
        DisplayedNumberOfSeries 1 4 R Series
        DisplayedFieldsUpdatedTimestamp 0 0 -""",
    "Series": """
        SeriesInstanceUID 0 0 -
        StudyInstanceUID 0 0 -
        SeriesNumber 1 1 A Series #
        SeriesDate 0 0 - Series date
        SeriesTime 0 0 - Series time
        SeriesDescription 1 2 S Series description
        Modality 1 3 R Modality
        BodyPartExamined 0 0 - Body part
        FrameOfReferenceUID 0 0 -
        AcquisitionNumber 0 0 - Acquisition #
        ContrastAgent 0 0 - Contrast agent
        ScanningSequence 0 0 - Scanning sequence
        EchoNumber 0 0 - Echo #
        TemporalPosition 0 0 - Temporal position
        InsertTimestamp 1 6 - Date added
        DisplayedSize 1 4 R Size
        DisplayedCount 1 5 R Count
        DisplayedNumberOfFrames 0 0 - Number of frames
        DisplayedFieldsUpdatedTimestamp 0 0 -""",
}


def display_rows() -> list[tuple[str, str, str, int, int, str]]:
    """The rows of ColumnDisplayProperties: table, field, shown name, visibility, weight, format."""
    rows = []
    for table, lines in _DISPLAY.items():
        for line in lines.strip().splitlines():
            field, visible, weight, form, *name = line.strip().split(" ", 4)
            rows.append((table, field, name[0] if name else "", int(visible), int(weight), _FORMATS[form]))
    return rows


def main_statements() -> list[str]:
    """What makes an empty ``ctkDICOM.sql``, without its rows."""
    return [f"CREATE TABLE {name} ({columns})" for name, columns in TABLES.items()] + [*CTK_INDEXES, URL_INDEX]


APPLICATION_ID = 0x444C4F47  # "DLOG"
OWN_VERSION = 1

OWN_STATEMENTS = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {OWN_VERSION}",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    # Never secrets: the location is without userinfo and query, options are not stored.
    """CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        provider TEXT NOT NULL,
        location TEXT NOT NULL UNIQUE,
        added TEXT NOT NULL,   -- UTC
        indexed TEXT           -- UTC, end of the last complete run
    ) STRICT""",
    # The column names that were wanted when a block was written.
    "CREATE TABLE keyset (id INTEGER PRIMARY KEY, keys TEXT NOT NULL UNIQUE) STRICT",
    """CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        series_uid TEXT NOT NULL UNIQUE,
        study_uid TEXT NOT NULL,
        images INTEGER NOT NULL DEFAULT 0  -- Images rows after our last write: fewer now means somebody removed some
    ) STRICT""",
    """CREATE TABLE block (
        id INTEGER PRIMARY KEY,
        series_id INTEGER NOT NULL REFERENCES series(id) ON DELETE CASCADE,
        source_id INTEGER NOT NULL REFERENCES source(id),
        keyset_id INTEGER NOT NULL REFERENCES keyset(id),
        instances INTEGER NOT NULL,
        complete INTEGER NOT NULL CHECK (complete IN (0, 1)),  -- 0: reduced headers of a listing
        digest BLOB NOT NULL,  -- SHA-256 of the stored bytes
        body BLOB NOT NULL     -- header/columns.py
    ) STRICT""",
    "CREATE INDEX block_series ON block (series_id)",
    """CREATE TABLE raw (
        id INTEGER PRIMARY KEY,
        series_id INTEGER NOT NULL REFERENCES series(id) ON DELETE CASCADE,
        source_id INTEGER NOT NULL REFERENCES source(id),
        digest BLOB NOT NULL,
        body BLOB NOT NULL     -- DICOM JSON as the server sent it, zlib level 1
    ) STRICT""",
    "CREATE INDEX raw_series ON raw (series_id)",
    # What was visited: files by path, series of a server by UID. The version tells whether it changed since.
    """CREATE TABLE mark (
        source_id INTEGER NOT NULL REFERENCES source(id),
        folder TEXT NOT NULL,  -- of the key, with its separator; '' for keys that are no paths
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        series_id INTEGER,     -- what it holds; NULL when that is nothing
        code TEXT,             -- why it holds nothing
        retry INTEGER NOT NULL DEFAULT 0 CHECK (retry IN (0, 1)),
        PRIMARY KEY (source_id, folder, name)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE finding (
        source_id INTEGER NOT NULL REFERENCES source(id),
        place TEXT NOT NULL,   -- the first of `places`, '' for none
        code TEXT NOT NULL,
        severity TEXT NOT NULL,
        message TEXT NOT NULL,
        places TEXT NOT NULL,  -- JSON array
        remedy TEXT NOT NULL,
        PRIMARY KEY (source_id, place, code, message)
    ) STRICT, WITHOUT ROWID""",
)
