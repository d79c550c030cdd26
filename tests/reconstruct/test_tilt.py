import numpy as np
import pytest
import xarray as xr

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.acquisition import PAPER_SETUP, acquire
from lensfree_nb.simulate.culture import culture

SLOPE_X = 60.0
SEED = 21


@pytest.fixture(scope="module")
def tilted():
    """Three columns of windows, each simulated at its own distance (µm), 60 µm/mm apart."""
    pitch, side = PAPER_SETUP.pixel_size_um, 160
    columns = []
    for index in range(3):
        rng = np.random.default_rng(SEED + index)
        cells = culture((3 * side, side), 300, rng=rng, spacing_um=20.0)
        distance = 1000.0 + SLOPE_X * (index - 1) * side * pitch * 1e-3
        columns.append(
            acquire(cells, (3 * side, side), rng=rng, setup=PAPER_SETUP.at(distance), lines=1)
        )
    x = np.arange(3 * side) * pitch
    ds = xr.concat([c.drop_vars("x") for c in columns], "x", combine_attrs="override")
    return ds.assign_coords(x=x, distance=1000.0).assign_attrs(bandwidth_nm=0.0)


def test_finds_the_plane(tilted):
    found = tilted.lf.find_tilt()
    assert float(found["distance"]) == pytest.approx(1000.0, abs=8)
    assert float(found["distance_slope_x"]) == pytest.approx(SLOPE_X, abs=20)
    assert abs(float(found["distance_slope_y"])) < 20
    assert found["distance_slope_x"].attrs["units"] == "um/mm"


def test_lazy_until_computed(tilted, no_compute):
    with no_compute():
        lazy = tilted.chunk(x=100).lf.find_tilt()
        lazy.lf.reconstruct(tile_px=160, iterations=2)
    assert lazy["distance_slope_x"].chunks is not None


@pytest.mark.parametrize(
    ("options", "word"), [({"windows": 1}, "windows"), ({"spread": 2.0}, "spread")]
)
def test_bad_options(tilted, options, word):
    with pytest.raises(ParameterError, match=word):
        tilted.lf.find_tilt(**options)
