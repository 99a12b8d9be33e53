"""Sequences of volumes in time, echo, diffusion and other dimensions from DICOM image series."""
