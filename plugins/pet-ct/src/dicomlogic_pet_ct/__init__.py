"""Standardized uptake values of PET for DICOMLogic, with a report of every input, and PET with its CT on one grid."""
