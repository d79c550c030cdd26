import math

import pytest

from lensfree_nb.quantify.error_stretch import stretches

TOLD = {"range": [0.1, 0.4], "typical": 0.2, "power": {"area_um2": 0.5}}
OPTIONS = {"se_factor": {"area_um2": 3.0, "dry_mass_pg": 2.0}, "se_residual": TOLD}


@pytest.mark.parametrize(
    ("residual", "times"),
    [(0.2, 1.0), (0.1, 0.5**0.5), (0.4, 2**0.5), (0.01, 0.5**0.5), (7.0, 2**0.5), (math.nan, 1.0)],
)
def test_errors_grow_with_the_residual_as_far_as_it_was_met(residual, times):
    found = stretches(OPTIONS, residual)
    assert found == {"area_um2": pytest.approx(3.0 * times), "dry_mass_pg": 2.0}


def test_a_network_that_knows_no_residuals_has_its_factors_alone():
    assert stretches({"se_factor": {"area_um2": 3}}, 0.3) == {"area_um2": 3.0}
    assert stretches({}, 0.3) == {}
