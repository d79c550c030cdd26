import numpy as np
import pytest
from scipy import stats

from lensfree_nb.errors import DimensionError
from lensfree_nb.evaluate.regression import agreement, mad
from tests import seeds


def test_agreement_against_scipy_and_closed_form():
    rng = np.random.default_rng(8)
    truth = rng.uniform(50, 150, 400)
    found = 1.1 * truth + 5 + rng.normal(0, 4, 400)
    score = agreement(found, truth)
    fit = stats.linregress(truth, found)
    assert (score.slope, score.intercept) == pytest.approx((fit.slope, fit.intercept))
    assert score.r2 == pytest.approx(fit.rvalue**2)
    assert score.slope_low < 1.1 < score.slope_high
    assert score.bias_percent == pytest.approx(
        100 * (0.1 * truth.mean() + 5) / truth.mean(), abs=0.6
    )
    assert score.bias_t1_percent > score.bias_t3_percent
    assert np.isnan(agreement([1], [1]).r2)


def test_mad_of_a_normal_is_its_sd():
    sample = np.random.default_rng(9).normal(3, 2.5, 100_000)
    assert mad(sample) == pytest.approx(2.5, rel=0.02)


def test_the_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(64)
    held = np.zeros(2)
    for _ in range(400):
        truth = rng.uniform(50, 150, 30)
        score = agreement(0.9 * truth + 12 + rng.normal(0, 5, 30), truth)
        held += [
            score.slope_low < 0.9 < score.slope_high,
            score.intercept_low < 12 < score.intercept_high,
        ]
    assert (np.abs(held / 400 - 0.95) < 0.04).all()


def test_unknown_values_are_left_out_and_shapes_must_match():
    score = agreement([11, np.nan, 22, 33, 44], [10, 15, 20, 30, np.nan])
    assert score.n == 3
    assert score.bias_percent == pytest.approx(10.0)
    with pytest.raises(DimensionError, match="one length"):
        agreement([1, 2, 3], [1, 2])


def test_the_limits_of_agreement_hold_95_percent_of_the_errors():
    rng = np.random.default_rng(seeds.NOISE)
    truth = rng.uniform(50, 150, 4000)
    error = rng.normal(3, 5, len(truth))
    score = agreement(truth + error, truth)
    assert (score.limits_low, score.limits_high) == pytest.approx((3 - 9.8, 3 + 9.8), abs=0.4)
    inside = (error > score.limits_low) & (error < score.limits_high)
    assert inside.mean() == pytest.approx(0.95, abs=0.01)


def test_a_part_of_nothing_has_no_percentage():
    found = agreement([0.5, 0.5, 1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 1.0, 2.0, 3.0, 4.0])
    assert np.isnan(found.bias_t1_percent)
    assert found.bias_t3_percent == 0
