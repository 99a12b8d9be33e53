"""Radiotherapy for DICOMLogic: structure sets, doses, dose-volume histograms, plans, images and registrations."""
