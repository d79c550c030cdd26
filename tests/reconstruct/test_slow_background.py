import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from lensfree_nb.reconstruct.slow_background import slow_background

SHAPE = (230, 310)


def light(seed=0):
    """Uneven light (y, x), and what the sensor makes of it with one per cent of noise."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    uneven = 3.0 + 0.5 * np.sin(2 * math.pi * y / 500) + 0.3 * np.cos(2 * math.pi * x / 400)
    noise = np.random.default_rng(seed).normal(1, 0.01, SHAPE)
    return uneven, uneven * noise


@pytest.mark.parametrize("sigma_px", [5.0, 40.0])
def test_against_a_gaussian_filter_of_every_pixel(sigma_px):
    _, data = light()
    ones = np.ones(SHAPE)
    expected = gaussian_filter(data, sigma_px, mode="constant", truncate=8) / gaussian_filter(
        ones, sigma_px, mode="constant", truncate=8
    )
    top, bottom = (torch.tensor(image, dtype=torch.float32) for image in (data, ones))
    found = slow_background(top, bottom, sigma_px, overall=1.0).numpy()
    assert np.abs(found / expected - 1)[60:-60, 60:-60].max() < 1e-3
    assert np.abs(found / expected - 1).max() < 4e-3


def test_unknown_regions_take_the_light_around_them_and_beyond_reach_the_mean():
    uneven, data = light()
    weight = np.ones(SHAPE)
    weight[50:70, 50:70] = 0
    weight[:, 200:] = 0
    top = torch.tensor(weight * data, dtype=torch.float32)
    found = slow_background(top, torch.tensor(weight, dtype=torch.float32), 10.0, overall=7.0)
    assert np.abs(found[50:70, 50:70].numpy() / uneven[50:70, 50:70] - 1).max() < 0.02
    assert float(found[:, 270:].min()) == float(found[:, 270:].max()) == 7.0
