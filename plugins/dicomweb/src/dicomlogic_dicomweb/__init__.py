"""DICOMweb source and fetcher for DICOMLogic."""
