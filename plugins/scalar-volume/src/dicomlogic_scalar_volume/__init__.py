"""Scalar and colour volumes from DICOM image series."""
