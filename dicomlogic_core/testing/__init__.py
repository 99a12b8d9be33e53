"""For tests of plugins.

`phantoms` and `head` write DICOM files of known geometry, `views` makes header views of them, `server` is a loopback
DICOMweb server, `orthanc` a real one, `fakes` a closed plugin manager with tiny workers, `fixtures` all for pytest.
"""
