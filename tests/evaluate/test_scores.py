import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lensfree_nb.errors import DimensionError
from lensfree_nb.evaluate.pairing import pair
from lensfree_nb.evaluate.regression import agreement, mad
from lensfree_nb.evaluate.report import compare
from lensfree_nb.evaluate.similarity import detail_correlation, rmse, ssim


def table(points, **columns):
    return pd.DataFrame({"y_um": np.array(points)[:, 0], "x_um": np.array(points)[:, 1], **columns})


def test_pairing_is_optimal_not_greedy():
    # Greedy would take the 4 µm pair and leave a 12 µm one unpaired.
    found = pair(table([[0, 0], [0, 6]]), table([[0, 4], [0, -8]]), 10)
    assert found.precision == found.recall == 1.0
    assert dict(zip(found.estimated, found.reference, strict=True)) == {0: 1, 1: 0}


def test_pairs_never_cross_frames_or_ten_micrometres():
    a = table([[0, 0], [0, 0]], frame=[0, 1])
    b = table([[0, 10.5], [0, 9.5]], frame=[0, 1])
    found = pair(a, b)
    assert list(found.estimated) == [1]
    empty = pair(a.iloc[:0], b)
    assert np.isnan(empty.precision)
    assert empty.recall == 0


def test_frames_in_one_table_only_are_refused():
    with pytest.raises(DimensionError, match="'frame'"):
        pair(table([[0, 0]], frame=[0]), table([[0, 0]]))


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


def test_compare_scores_whole_cells_only():
    truth = table([[0, 0], [0, 50], [0, 100], [0, 150]], area_um2=[10.0, 20, 30, 40])
    mine = truth.assign(area_um2=[99.0, 22, 33, 44], edge=[True, False, False, False])
    scores = compare(mine, truth)
    assert list(scores.index) == ["area_um2"]
    assert scores.loc["area_um2", "bias_percent"] == pytest.approx(10.0)
    assert scores.loc["area_um2", "n"] == 3
    assert compare(mine, truth, include_edge=True).loc["area_um2", "n"] == 4


def test_similarity():
    rng = np.random.default_rng(10)
    image = rng.normal(0, 1, (80, 80))
    slope = np.linspace(0, 50, 80)[:, None]
    assert rmse(image + 3, image, remove_offset=True) == pytest.approx(0.0, abs=1e-9)
    assert rmse(image + 3, image) == pytest.approx(3.0)
    drifting = image + 0.1 * slope
    assert np.corrcoef(drifting.ravel(), image.ravel())[0, 1] < 0.7
    assert detail_correlation(drifting, image) > 0.9
    assert ssim(image, image, data_range=2.0) == pytest.approx(1.0)
    assert ssim(image + 0.5, image, data_range=2.0) < ssim(image + 0.5, image, data_range=200.0)
