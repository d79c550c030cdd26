"""Losses of images against scikit-image, and that they can be learned through."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity as theirs

from lensfree_nb.train.likeness import LOSSES, structural_similarity
from tests import seeds

AS_HERE = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


@pytest.mark.parametrize("data_range", [1.0, 9.0, 65535.0])
def test_similarity_is_that_of_scikit_image(data_range):
    rng = np.random.default_rng(seeds.PIXELS)
    truth = data_range * rng.random((2, 1, 40, 57))
    images = truth + 0.2 * data_range * rng.standard_normal(truth.shape)
    mine = structural_similarity(torch.from_numpy(images), torch.from_numpy(truth), data_range)
    # Of theirs, too, only where windows lie within the image.
    maps = [
        theirs(a[0], b[0], data_range=data_range, full=True, **AS_HERE)[1][5:-5, 5:-5]
        for a, b in zip(images, truth, strict=True)
    ]
    assert mine.tolist() == pytest.approx(np.mean(maps, (1, 2)).tolist(), abs=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_lead_to_the_truth(name):
    rng = torch.Generator().manual_seed(seeds.NOISE)
    truth = torch.randn(1, 1, 24, 24, generator=rng)
    image = torch.zeros_like(truth).add(0.1).requires_grad_()
    optimiser = torch.optim.Adam([image], 0.05)
    first = float(LOSSES[name](image.detach(), truth, 9.0))
    for _ in range(200):
        optimiser.zero_grad()
        LOSSES[name](image, truth, 9.0).sum().backward()
        optimiser.step()
    assert float(LOSSES[name](image.detach(), truth, 9.0)) < 0.3 * first
    assert float(LOSSES[name](truth, truth, 9.0)) == pytest.approx(0, abs=1e-5)


def test_the_sum_weighs_as_the_paper_says():
    rng = torch.Generator().manual_seed(seeds.NOISE)
    a, b = torch.rand(2, 1, 1, 16, 16, generator=rng)
    parts = [float(LOSSES[name](a, b, 1.0)) for name in ("l1", "ssim", "l1+ssim")]
    assert parts[2] == pytest.approx(parts[0] + 100 * parts[1])
