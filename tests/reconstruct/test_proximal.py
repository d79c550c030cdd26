"""The proximal point against closed forms: no other program's convergence is in the way."""

import numpy as np
import pytest
import torch

from lensfree_nb.reconstruct.proximal import TotalVariation

STEPS = 3000


def proximal(images, weight, *, positive=True, **options):
    tensors = [torch.tensor(image, dtype=torch.float64) for image in images]
    found = TotalVariation(tensors, steps=STEPS)(
        tensors, weight, positive=[positive] * len(images), **options
    )
    return [f.numpy() for f in found]


@pytest.mark.parametrize("images", [1, 2])
def test_bands_of_rows_change_nothing(images, monkeypatch):
    parts = [noisy(seed, (37, 16)) for seed in range(images)]
    whole = proximal(parts, 0.3, shrink=0.1)
    monkeypatch.setattr("lensfree_nb.optics.bands.BAND_PX", 5 * 16)
    for banded, expected in zip(proximal(parts, 0.3, shrink=0.1), whole, strict=True):
        np.testing.assert_array_equal(banded, expected)


def noisy(seed=0, shape=(12, 14)):
    return np.random.default_rng(seed).normal(0.2, 1.0, shape)


@pytest.mark.parametrize("weight", [0.3, 5.0])
def test_two_pixels_draw_nearer_by_the_weight_until_they_meet(weight):
    (found,) = proximal([[[3.0, 1.0]]], weight, positive=False)
    expected = [2.7, 1.3] if weight == 0.3 else [2.0, 2.0]
    np.testing.assert_allclose(found[0], expected, atol=1e-8)


def test_a_weight_too_small_for_single_precision_is_none():
    image = torch.tensor([[3.0, 1.0]])
    (found,) = TotalVariation([image])([image.clone()], 1e-40, positive=[True])
    torch.testing.assert_close(found, image, rtol=0, atol=0)


def test_two_images_together_shrink_their_step_along_its_own_direction():
    # The step (4, 3) has length 5: joint variation takes 2 * 0.5 off it, 1/5 of each part.
    found = proximal([[[4.0, 0.0]], [[3.0, 0.0]]], 0.5, positive=False)
    np.testing.assert_allclose([f[0, 0] - f[0, 1] for f in found], [3.2, 2.4], atol=1e-8)


def test_each_image_has_a_bound_of_its_own():
    image = torch.tensor([[-1.0, -2.0]])
    free, bound = TotalVariation([image] * 2)(
        [image.clone(), image.clone()], 0.01, positive=[False, True]
    )
    assert float(free.max()) < -0.9
    assert bound.tolist() == [[0.0, 0.0]]


def test_a_heavy_weight_leaves_the_mean():
    image = noisy()
    (found,) = proximal([image], 100.0, positive=False)
    np.testing.assert_allclose(found, image.mean(), atol=1e-3)


@pytest.mark.parametrize("positive", [True, False])
def test_sparsity_and_the_bound_come_after_total_variation(positive):
    # Friedman et al., Ann. Appl. Stat. 1, 302 (2007): the soft threshold of the plain solution.
    # True of one row, where isotropic variation is the sum of absolute steps; not of an image.
    image, weight, shrink = noisy(1, (1, 40)), 0.3, 0.15
    (plain,) = proximal([image], weight, positive=False)
    (found,) = proximal([image], weight, shrink=shrink, positive=positive)
    soft = np.sign(plain) * np.maximum(np.abs(plain) - shrink, 0)
    np.testing.assert_allclose(found, np.maximum(soft, 0) if positive else soft, atol=1e-6)


def test_no_neighbouring_point_is_better():
    image, weight, shrink = noisy(2), 0.25, 0.1

    def value(x):
        padded = np.pad(x, ((0, 1), (0, 1)), mode="edge")
        steps = np.hypot(np.diff(padded, axis=0)[:, :-1], np.diff(padded, axis=1)[:-1])
        return 0.5 * np.sum((x - image) ** 2) + weight * steps.sum() + shrink * np.abs(x).sum()

    (best,) = proximal([image], weight, shrink=shrink)
    rng = np.random.default_rng(3)
    for size in (0.3, 0.1, 0.03):
        for _ in range(20):
            other = np.maximum(best + size * rng.normal(size=best.shape), 0)
            # Strongly convex: every other point costs at least half its squared distance more.
            assert value(other) - value(best) > 0.49 * np.sum((other - best) ** 2) - 1e-3


def test_calls_continue_where_the_last_one_ended():
    image = torch.tensor(noisy(4))
    warm = TotalVariation([image], steps=10)
    for _ in range(STEPS // 10):
        (found,) = warm([image.clone()], 0.3, positive=[True])
    (at_once,) = proximal([image.numpy()], 0.3)
    np.testing.assert_allclose(found, at_once, atol=1e-12)
