from dataclasses import replace

import numpy as np
import pytest

from lensfree_nb.errors import DistanceError, ParameterError
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import PAPER_SETUP, PRESETS

SLOPE_X = 60.0
SEED = 21


@pytest.fixture(scope="module")
def tilted():
    """A dish whose distance rises by 60 µm/mm along x, simulated."""
    rng = np.random.default_rng(SEED)
    setup = replace(PAPER_SETUP, bandwidth_nm=0.0)
    leaning = replace(PRESETS["plain"], setup=setup, slope_um_per_mm=(0.0, SLOPE_X), lines=1)
    cells = culture((480, 480), 300, rng=rng, spacing_um=20.0, margin_um=160.0)
    ds = acquire(cells, (480, 480), rng=rng, instrument=leaning)
    return ds.assign_coords(distance=1000.0)


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
    ("options", "word"),
    [
        ({"windows": 1}, "windows"),
        ({"windows": 2.5}, "windows"),
        ({"spread": 2.0}, "spread"),
        ({"spread": "5%"}, "spread"),
    ],
)
def test_bad_options(tilted, options, word):
    with pytest.raises(ParameterError, match=word):
        tilted.lf.find_tilt(**options)


@pytest.mark.parametrize("dim", ["wavelength", "time"])
def test_distances_that_differ_have_no_one_plane(tilted, dim):
    ds = tilted if dim == "wavelength" else tilted.expand_dims(time=3)
    with pytest.raises(ParameterError, match="around one distance"):
        ds.assign_coords(distance=(dim, [990.0, 1000.0, 1010.0])).lf.find_tilt()


def test_windows_that_show_nothing_have_no_plane(tilted):
    empty = tilted.assign(hologram=tilted["hologram"] * 0 + 1)
    with pytest.raises(DistanceError):
        empty.lf.find_tilt()


def test_a_few_windows_make_no_plane(tilted):
    # Four of the nine, not on a line: enough for a plane, too few to believe it.
    blank = tilted["hologram"].copy(deep=True)
    blank[..., 300:] = 1
    blank[..., 300:, :] = 1
    with pytest.raises(DistanceError, match="4 of 9 windows"):
        tilted.assign(hologram=blank).lf.find_tilt()


@pytest.mark.parametrize("windows", [16, 500])
def test_windows_too_small_to_tell_are_refused(tilted, windows):
    with pytest.raises(ParameterError, match=f"windows is {windows}: on a frame of 480 x 480 px"):
        tilted.chunk().lf.find_tilt(windows=windows)


def test_a_plane_steeper_than_what_is_searched_is_no_gentler_one(tilted):
    # Within 1 % of the distance, windows at the sides of the frame lie beyond.
    with pytest.raises(DistanceError):
        tilted.lf.find_tilt(spread=0.003)
