"""AWS HealthImaging source and fetcher for DICOMLogic."""
