"""For tests of plugins.

`phantoms`, `phantom_sequences`, `phantom_pet`, `phantom_pet_ct`, `phantom_rt`, `phantom_plan`, `phantom_registration`
and `head` make DICOM of known geometry, `views` header views of it, `server` is a loopback DICOMweb server, `orthanc` a
real one, `fakes` a closed plugin manager with tiny workers, `fixtures` all that for pytest, and `conformance` the tests
that every plugin inherits.
"""
