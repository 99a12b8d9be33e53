"""Volumes of phantoms lie on the grid by which the phantom was made."""

from __future__ import annotations

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_scalar_volume import plugin


@pytest.mark.parametrize("phantom", [one for one in phantoms.every_kind() if one.geometry], ids=lambda one: one.name)
def test_the_grid_is_the_known_one(phantom, tmp_path):
    phantom.write(tmp_path)
    with dl.open(manager=closed_manager(plugin)) as session:
        session.index(tmp_path)
        (loadable,) = session.examine()
        volume = session.load(loadable)
    assert volume.geometry.size_ijk == phantom.geometry.size_ijk
    assert np.allclose(volume.geometry.ijk_to_lps, phantom.geometry.ijk_to_lps, rtol=0, atol=1e-6)
