import math

import numpy as np
import pytest
import torch

from lensfree_nb.nets.units import PITCH_UM
from lensfree_nb.quantify.error_stretch import CROWD_PX, crowding, stretches

METRICS = ["area_um2", "dry_mass_pg"]
FACTORS = {"area_um2": 3.0, "dry_mass_pg": 2.0}
GROWS = {
    "residual": {"range": [0.1, 0.4], "typical": 0.2, "power": {"area_um2": 0.5}},
    "density_per_mm2": {"range": [100.0, 400.0], "typical": 200.0, "power": {"dry_mass_pg": 1.0}},
}
OPTIONS = {"se_factor": FACTORS, "se_grows": GROWS}


@pytest.mark.parametrize(
    ("residual", "times"),
    [(0.2, 1.0), (0.1, 0.5**0.5), (0.4, 2**0.5), (0.01, 0.5**0.5), (7.0, 2**0.5), (math.nan, 1.0)],
)
def test_errors_grow_with_the_residual_as_far_as_it_was_met(residual, times):
    found = stretches(OPTIONS, METRICS, {"residual": residual})
    np.testing.assert_allclose(found, [[3.0 * times], [2.0]])


def test_errors_of_each_cell_grow_with_the_density_about_it():
    told = {"residual": 0.4, "density_per_mm2": np.array([100, 200, 300, 999, math.nan])}
    area, mass = stretches(OPTIONS, METRICS, told)
    np.testing.assert_allclose(area, 3.0 * 2**0.5)
    np.testing.assert_allclose(mass, [1.0, 2.0, 3.0, 4.0, 2.0])


def test_a_network_that_knows_of_no_growth_has_its_factors_alone():
    told = {"residual": 0.3, "density_per_mm2": np.array([7.0])}
    assert stretches({"se_factor": FACTORS}, METRICS, told).tolist() == [[3.0], [2.0]]
    assert stretches({}, METRICS, told).tolist() == [[1.0], [1.0]]


def test_a_cell_is_crowded_by_those_near_to_it():
    near, far = CROWD_PX - 1, CROWD_PX + 1
    centres = torch.tensor([[300, 300], [300, 300 + near], [300 + far, 300], [0, 999]])
    disc = math.pi * (160e-3) ** 2
    alone, at_corner = 1 / disc, 4 / disc
    found = crowding(centres, (1000, 1000))
    np.testing.assert_allclose(found, [2 / disc, 2 / disc, alone, at_corner], rtol=0.03)
    assert crowding(centres[:0], (1000, 1000)).shape == (0,)
    assert (CROWD_PX - 1) * PITCH_UM < 160 <= CROWD_PX * PITCH_UM
