"""The scores of ``benchmarks/reconstruction.py`` see what they are to see."""

import numpy as np
import pandas as pd
import pytest
from _recovery import recovery, truth_of

PIXEL_UM = 1.67


@pytest.fixture
def truth():
    """Three balls, of 200, 400 and 800 nm, on a faint wave; one more at the border."""
    y, x = np.mgrid[:200, :240] * PIXEL_UM
    opd = 9 + 6 * np.sin(x / 20) * (y > 170)
    opd[y <= 170] = 0
    cells = pd.DataFrame(
        {
            "kind": "round",
            "y_um": [60.0, 100.0, 120.0, 5.0],
            "x_um": [80.0, 180.0, 300.0, 100.0],
            "max_opd_nm": [200.0, 400.0, 800.0, 600.0],
            "major_axis_um": 16.0,
        }
    )
    for cell in cells.itertuples():
        away = np.hypot(y - cell.y_um, x - cell.x_um) / 8
        opd += cell.max_opd_nm * np.sqrt(np.clip(1 - away**2, 0, None))
    return truth_of(opd, cells, PIXEL_UM)


def test_the_truth_scores_perfectly(truth):
    scores = recovery([truth.opd_nm], [truth])
    assert (scores.rmse_nm, scores.thin_rmse_nm, scores.background_sd_nm) == (0, 0, 0)
    assert scores.ssim == pytest.approx(1)
    assert scores.faint_slope == pytest.approx(1)
    assert (scores.thick, scores.thick_low, scores.thick_high) == (1, 1, 1)
    assert scores.thick_count == 2  # the one at the border is left out


def test_a_cell_a_wave_too_thin_is_not_recovered(truth):
    found = truth.opd_nm.copy()
    disc = truth._discs()[1]
    found[disc] *= 0.5
    scores = recovery([found], [truth])
    assert (scores.thick, scores.thick_low, scores.thick_high) == (0.5, 0, 1)
    assert scores.thin_rmse_nm == 0
    assert scores.rmse_nm > 1


def test_a_thin_cell_counts_as_thin(truth):
    found = truth.opd_nm.copy()
    found[truth._discs()[0]] *= 0.5
    scores = recovery([found], [truth])
    assert scores.thick == 1
    assert scores.thin_rmse_nm > 1


def test_faint_structure_that_is_flattened_is_seen(truth):
    found = np.where(truth.opd_nm < 16, truth.opd_nm / 2, truth.opd_nm)
    assert recovery([found], [truth]).faint_slope == pytest.approx(0.5, abs=0.01)


def test_noise_in_the_background_is_seen(truth):
    rng = np.random.default_rng(1)
    found = truth.opd_nm + 2 * rng.standard_normal(truth.opd_nm.shape)
    assert recovery([found], [truth]).background_sd_nm == pytest.approx(2, rel=0.05)
