"""Classical criteria: against numpy and scipy, and on a real stack."""

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage
from skimage.io import imread

from lensfree_nb.errors import DataError, DimensionError, ParameterError
from lensfree_nb.refocus.criteria import CRITERIA
from lensfree_nb.refocus.sharpness import sharpness
from tests import seeds

FIND_THE_PLANE = ("brenner", "tenengrad", "band_energy")


def image(shape=(60, 80)):
    noise = np.random.default_rng(seeds.PIXELS).random(shape)
    return 1 + ndimage.gaussian_filter(noise, 1.0)


def judged(criterion, values):
    return CRITERIA[criterion](values)


def test_criteria_are_what_they_say():
    given = image()
    light = given.mean() ** 2
    assert judged("normalised_variance", given) == pytest.approx(given.var() / light)
    apart = [((given[2:] - given[:-2]) ** 2).mean(), ((given[:, 2:] - given[:, :-2]) ** 2).mean()]
    assert judged("brenner", given) == pytest.approx(sum(apart) / light)
    edges = 0.0
    for plane in (given, given.T):
        apart = (plane[:, 2:] - plane[:, :-2]) / 2
        edges += (((apart[2:] + 2 * apart[1:-1] + apart[:-2]) / 4) ** 2).mean()
    assert judged("tenengrad", given) == pytest.approx(edges / light)
    around = given[2:, 1:-1] + given[:-2, 1:-1] + given[1:-1, 2:] + given[1:-1, :-2]
    second = around - 4 * given[1:-1, 1:-1]
    assert judged("variance_of_laplacian", given) == pytest.approx(second.var() / light)
    # Of a wave of one frequency each Gaussian leaves exp(-2 (pi sigma f)^2).
    cycles = 1 / 8
    wave = 1 + 0.1 * np.cos(2 * np.pi * cycles * np.arange(161))[None].repeat(40, 0)
    fine, coarse = (np.exp(-2 * (np.pi * s * cycles) ** 2) for s in (1.0, 2.0))
    told = (0.1 * (fine - coarse)) ** 2 / 2
    assert judged("band_energy", wave) == pytest.approx(told, rel=0.02)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_blur_costs_sharpness_and_exposure_does_not(criterion):
    given = image()
    sharp = judged(criterion, given)
    assert judged(criterion, ndimage.gaussian_filter(given, 2.0)) < 0.5 * sharp
    assert judged(criterion, 7 * given) == pytest.approx(sharp)


def test_lazy_is_eager_whatever_the_chunks(no_compute):
    frames = np.stack([image(), ndimage.gaussian_filter(image(), 1), np.full((60, 80), np.nan)])
    frames[0, :5, :5] = np.nan
    ds = xr.Dataset({"image": (("time", "y", "x"), frames)}, attrs={"pixel_size_um": 0.5})
    eager = sharpness(ds)
    with no_compute():
        lazy = sharpness(ds.chunk({"time": 2, "y": 30, "x": 50}))
    assert lazy.chunks is not None
    xr.testing.assert_equal(lazy.compute(), eager)
    assert eager.dims == ("time",)
    assert np.isnan(eager[2])
    assert eager[0] > eager[1]
    assert eager.attrs["units"] == "1"


def test_what_is_no_image_is_refused():
    ds = xr.Dataset({"image": (("position", "time", "y", "x"), np.ones((1, 1, 4, 4)))})
    with pytest.raises(DimensionError, match="position or time"):
        sharpness(ds)
    with pytest.raises(DimensionError, match="no variable 'image'"):
        sharpness(ds.rename(image="photo"))
    with pytest.raises(DataError, match="real"):
        sharpness(ds.isel(time=0).astype(complex))
    with pytest.raises(ParameterError, match="criterion"):
        sharpness(ds.isel(time=0), "eye")
    with pytest.raises(ParameterError, match="smoothing_px"):
        sharpness(ds.isel(time=0), smoothing_px=-1)


@pytest.mark.data
def test_on_a_real_stack_three_find_the_sharpest_plane(data_folder):
    folder = data_folder / "cells" / "phase_contrast_focus_stack"
    planes = np.stack([imread(folder / f"phase_z{k:02d}.png") for k in range(13)])
    ds = xr.Dataset({"image": (("position", "y", "x"), planes)})
    for criterion in FIND_THE_PLANE:
        assert int(sharpness(ds, criterion).argmax()) == 6, criterion
