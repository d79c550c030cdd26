import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from lensfree_nb.reconstruct.slow_background import slow_background

SHAPE = (230, 310)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]


def fitted(data, weight, sigma_px, overall=1.0):
    images = (torch.tensor(image, dtype=torch.float32) for image in (weight * data, weight))
    return slow_background(*images, sigma_px, overall).numpy()


def waves(seed=0):
    """Uneven light, and what the sensor makes of it with one per cent of noise."""
    light = 3.0 + 0.5 * np.sin(2 * math.pi * Y / 500) + 0.3 * np.cos(2 * math.pi * X / 400)
    return light, light * np.random.default_rng(seed).normal(1, 0.01, SHAPE)


@pytest.mark.parametrize("sigma_px", [4.0, 40.0])
def test_light_that_falls_off_along_a_line_is_followed_to_the_corners(sigma_px):
    light = 2.0 + 1.0 * X / 310 - 0.5 * Y / 230
    found = fitted(light, np.ones(SHAPE), sigma_px)
    assert np.abs(found / light - 1).max() < 0.015
    assert np.abs(found / light - 1)[8:-8, 8:-8].max() < 3e-3


def test_far_inside_it_is_the_gaussian_average():
    _, data = waves()
    ones = np.ones(SHAPE)
    options = {"sigma": 12.0, "mode": "constant", "truncate": 8}
    expected = gaussian_filter(data, **options) / gaussian_filter(ones, **options)
    found = fitted(data, ones, 12.0)
    assert np.abs(found / expected - 1)[48:-48, 48:-48].max() < 2e-3


def test_the_border_is_no_worse_than_the_middle():
    light, data = waves()
    error = np.abs(fitted(data, np.ones(SHAPE), 40.0) / light - 1)
    middle = error[60:-60, 60:-60].max()
    assert middle < 0.03
    assert error.max() < 2 * middle


def test_unknown_regions_take_the_light_around_them_and_beyond_reach_the_mean():
    light, data = waves()
    weight = np.ones(SHAPE)
    weight[50:70, 50:70] = 0
    weight[:, 200:] = 0
    found = fitted(data, weight, 10.0, overall=7.0)
    assert np.abs(found[50:70, 50:70] / light[50:70, 50:70] - 1).max() < 0.02
    assert (found[:, 270:] == 7.0).all()
    assert (found > 0).all()
