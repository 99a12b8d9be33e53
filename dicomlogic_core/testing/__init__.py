"""For tests of plugins: phantoms of known geometry, a loopback DICOMweb server, fakes and fixtures."""
