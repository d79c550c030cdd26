import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from lensfree_nb.reconstruct.neighbourhood import REACH_PX, around, noise_variance, unrecorded
from tests import seeds


def test_the_neighbourhood_is_a_gaussian():
    image = torch.zeros(160, 170)
    image[80, 90] = 1.0
    expected = gaussian_filter(image.double().numpy(), REACH_PX, truncate=3)
    inside = np.s_[50:110, 60:120]
    np.testing.assert_allclose(around(image)[inside], expected[inside], rtol=1e-3, atol=1e-7)


def test_the_border_counts_only_what_there_is():
    torch.testing.assert_close(around(torch.full((40, 70), 3.0)), torch.full((40, 70), 3.0))


@pytest.mark.parametrize("sigma", [0.003, 0.05])
def test_noise_is_told_from_fringes(sigma):
    rng = np.random.default_rng(seeds.NOISE)
    y, x = np.mgrid[:200, :220]
    fringes = 0.2 * np.cos(np.hypot(y - 90, x - 100) ** 2 / 900)
    image = torch.from_numpy(fringes * (np.hypot(y - 90, x - 100) < 90)).float()
    assert noise_variance(image) < 1e-6
    noisy = image + sigma * torch.from_numpy(rng.standard_normal(image.shape)).float()
    assert noise_variance(noisy) ** 0.5 == pytest.approx(sigma, rel=0.25)


def test_an_image_of_two_pixels_has_no_noise():
    assert noise_variance(torch.rand(2, 2)) == 0


@pytest.mark.parametrize("lost", ["scattered", "a block", "all"])
def test_what_is_unknown_is_no_noise(lost):
    rng = np.random.default_rng(seeds.NOISE)
    image = 1 + 0.02 * rng.standard_normal((200, 220))
    image[
        {"scattered": rng.random(image.shape) < 0.1, "a block": np.s_[:, :90], "all": ...}[lost]
    ] = np.nan
    expected = 0.0 if lost == "all" else pytest.approx(0.02, rel=0.1)
    assert noise_variance(torch.from_numpy(image)) ** 0.5 == expected


def test_what_lies_amid_lost_pixels_is_a_guess_and_beside_dust_it_is_not():
    seen = torch.ones(240, 260, dtype=torch.bool)
    seen[:100, :120] = False
    guessed = unrecorded(seen)
    assert bool(guessed[:80, :100].all())
    assert not bool(guessed[seen].any())
    dusty = torch.ones(240, 260, dtype=torch.bool)
    dusty[50:60, 50:60] = dusty[100] = dusty[:, 200:206] = False
    assert not bool(unrecorded(dusty).any())
