"""Deconvolution against blurs that are known."""

import dask
import numpy as np
import pytest
import xarray as xr
from scipy import ndimage
from skimage.data import camera
from skimage.transform import rescale

from lensfree_nb.errors import DataError, DimensionError, ParameterError
from lensfree_nb.refocus.deconvolve import deconvolve, deconvolved, find_psf, gaussian_psf


@pytest.fixture(scope="module")
def focused():
    return 1000 * rescale(camera().astype(float), 0.2)


@pytest.fixture(scope="module")
def blurred(focused):
    return ndimage.gaussian_filter(focused, 1.5, mode="mirror")


def test_the_point_spread_function_is_a_gaussian():
    psf = gaussian_psf(1.5)
    point = np.zeros((13, 13))
    point[6, 6] = 1
    np.testing.assert_allclose(psf, ndimage.gaussian_filter(point, 1.5, truncate=4.0), atol=1e-9)


def test_a_known_blur_is_taken_back(focused, blurred):
    found = deconvolved(blurred, 1.5, 40)
    before, after = (np.sqrt(np.mean((part - focused) ** 2)) for part in (blurred, found))
    assert after < 0.75 * before
    # Light is neither made nor lost, and the border is as good as the rest.
    assert found.mean() == pytest.approx(focused.mean(), rel=0.01)
    rim = np.ones(focused.shape, bool)
    rim[4:-4, 4:-4] = False
    assert np.abs(found - focused)[rim].mean() < np.abs(blurred - focused)[rim].mean()


def test_the_grid_finds_the_width_of_the_blur(focused, blurred):
    span = np.ptp(focused)
    found = find_psf(
        [blurred], [focused], data_range=span, sigmas_px=(0.5, 1.5, 3.0), iterations=(5, 40)
    )
    assert (found.sigma_px, found.iterations) == (1.5, 40)
    assert 0.8 < found.ssim < 1


def test_unknown_pixels_stay_unknown(blurred):
    holed = blurred.copy()
    holed[20:25, 30:40] = np.nan
    found = deconvolved(holed, 1.5, 5)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(holed))
    assert np.isnan(deconvolved(np.full((9, 9), np.nan), 1.0, 2)).all()
    assert (deconvolved(np.zeros((9, 9)), 1.0, 2) == 0).all()


def test_the_verb_and_the_kernel_agree(blurred):
    stack = np.stack([blurred, 2 * blurred]).astype(np.uint16)
    ds = xr.Dataset({"image": (("position", "y", "x"), stack, {"units": "counts"})})
    found = deconvolve(ds, sigma_px=1.5, iterations=6)["restored"]
    assert found.dims == ds["image"].dims
    assert found.attrs["units"] == "counts"
    np.testing.assert_allclose(found[1], deconvolved(stack[1], 1.5, 6), rtol=1e-5)
    with dask.config.set(scheduler=_never):
        lazy = deconvolve(ds.chunk(position=1, y=30), sigma_px=1.5, iterations=6)["restored"]
    np.testing.assert_array_equal(lazy.compute(), found)


def test_what_cannot_be_is_refused(focused, blurred):
    ds = xr.Dataset({"image": (("y", "x"), blurred)})
    for said in ({"sigma_px": 0}, {"sigma_px": 1e6}, {"iterations": 0}, {"iterations": 1.5}):
        with pytest.raises(ParameterError):
            deconvolve(ds, **said)
    with pytest.raises(DataError):
        find_psf([], [], data_range=1.0)
    with pytest.raises(DimensionError):
        find_psf([blurred], [focused[1:]], data_range=1.0)
    with pytest.raises(ParameterError):
        find_psf([blurred], [focused], data_range=0.0)


def _never(*_, **__):
    raise AssertionError("computed")
