import numpy as np
import pytest

from lensfree_nb.errors import DistanceError
from lensfree_nb.optics.distance import fit_tilt


def windows():
    y, x = (v.ravel() for v in np.meshgrid(np.linspace(-2e3, 2e3, 5), np.linspace(-3e3, 3e3, 6)))
    return y, x


def test_a_plane_is_recovered_exactly():
    y, x = windows()
    tilt = fit_tilt(y, x, 1000 + 0.012 * y - 0.007 * x)
    assert tilt.distance_um == pytest.approx(1000)
    assert tilt.slope_y_um_per_mm == pytest.approx(12)
    assert tilt.slope_x_um_per_mm == pytest.approx(-7)
    assert tilt.spread_um == pytest.approx(0, abs=1e-6)


def test_wrong_and_missing_windows_hardly_move_it():
    y, x = windows()
    rng = np.random.default_rng(2)
    z = 1000 + 0.012 * y - 0.007 * x + rng.normal(0, 3, y.size)
    z[[3, 17, 20]] = [400, 1900, np.nan]
    tilt = fit_tilt(y, x, z)
    assert tilt.distance_um == pytest.approx(1000, abs=3)
    assert tilt.slope_y_um_per_mm == pytest.approx(12, abs=2)
    assert tilt.slope_x_um_per_mm == pytest.approx(-7, abs=2)
    assert 1 < tilt.spread_um < 6


@pytest.mark.parametrize(
    ("y", "x", "z"),
    [
        ([0, 1, 2, 3], [0, 1, 4, 9], [1, 2, 3, np.nan]),
        ([0, 1, 2, 3, 4], [0, 2, 4, 6, 8], [1, 2, 3, 4, 5]),
    ],
    ids=["too few", "on one line"],
)
def test_no_plane_through_too_little(y, x, z):
    with pytest.raises(DistanceError, match="windows"):
        fit_tilt(np.multiply(y, 1e3), np.multiply(x, 1e3), z)
