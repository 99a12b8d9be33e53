"""DICOM headers without pixels: Part 10 files and DICOM JSON into one view by column."""
