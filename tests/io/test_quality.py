import dask
import numpy as np
import pytest
import xarray as xr

from lensfree_nb.io.quality import isolated_pixels, quality, saturation_level
from tests import seeds


def test_saturation_level_finds_the_pile_up():
    rng = np.random.default_rng(seeds.PIXELS)
    noise = rng.normal(200, 10, (100, 100)).round()
    assert saturation_level(noise, 65535.0) == 65535.0
    assert saturation_level(np.minimum(noise, 215), 65535.0) == 215
    assert saturation_level(np.ones((20, 20)), 255.0) == 255.0  # flat is not saturated
    assert saturation_level(np.full((4, 4), np.nan), 255.0) == 255.0


def test_isolated_pixels_leaves_smooth_light_and_noise():
    rng = np.random.default_rng(seeds.PIXELS)
    y, x = np.mgrid[:200, :200]
    fringes = 1000 * (1 + 0.5 * np.cos(np.hypot(y - 100, x - 100) ** 2 / 200))
    frame = fringes + rng.normal(0, 10, fringes.shape)
    central = np.hypot(y - 100, x - 100) < 60  # further out, the fringes are finer than 2 pixels
    assert not isolated_pixels(frame)[central].any()
    frame[90, 90] += 1500
    frame[110, 95] = 0
    assert np.argwhere(isolated_pixels(frame) & central).tolist() == [[90, 90], [110, 95]]
    assert not isolated_pixels(np.ones((1, 5))).any()
    assert not isolated_pixels(np.full((5, 5), np.nan)).any()


def test_quality_columns():
    rng = np.random.default_rng(seeds.PIXELS)
    frames = rng.normal(100, 2, (4, 2, 50, 50))
    frames[1] *= 1.2
    frames[2, 0] = np.nan
    frames[3, 1, :10, :10] = 255
    frames[0, 0, 20, 20] = 250
    hologram = xr.DataArray(frames, dims=("time", "wavelength", "y", "x"))
    hologram.attrs["full_scale"] = 255.0
    result = quality(hologram)
    assert result.quality_missing.values.tolist() == [[0, 0], [0, 0], [1, 0], [0, 0]]
    assert result.quality_saturated[3, 1] == pytest.approx(0.04)
    assert np.isnan(result.quality_saturated[2, 0])
    assert result.quality_dead[0, 0] == pytest.approx(1 / 2500)
    assert result.quality_drift[1].values == pytest.approx(1.2, rel=0.01)
    assert result.quality_drift.attrs["units"] == "1"

    def fail(*args, **kwargs):
        raise AssertionError("computed while the graph was built")

    with dask.config.set(scheduler=fail):
        lazy = quality(hologram.chunk(time=1, y=20))
    xr.testing.assert_identical(lazy.compute(scheduler="synchronous"), result)


def test_a_mask_of_broken_pixels_is_counted():
    rng = np.random.default_rng(seeds.PIXELS)
    hologram = xr.DataArray(rng.normal(100, 2, (1, 20, 20)), dims=("wavelength", "y", "x"))
    mask = np.zeros((20, 20), bool)
    mask[3, 3:5] = True
    assert quality(hologram, dead=mask).quality_dead[0] == pytest.approx(2 / 400)
