"""What the loss of networks that measure asks for."""

import math

import pytest
import torch

from lensfree_nb.quantify.channels import MEASURES
from lensfree_nb.train.measurement import measurement_loss
from tests import seeds

COUNT = len(MEASURES.metrics)


def truth_of(errors):
    """A row of pixels, all on one disc, whose true measurements are those errors below 0."""
    values = -torch.as_tensor(errors).expand(1, COUNT, 1, len(errors))
    return torch.cat([torch.zeros(1, 1, 1, len(errors)), values], 1)


def drawn(width, log_se=0.0):
    found = torch.zeros(1, 1 + 2 * COUNT, 1, width)
    found[:, 1 + COUNT :] = log_se
    return found.requires_grad_()


@pytest.mark.parametrize("log_se", [-2.0, 0.0])
def test_large_and_uncertain_errors_pull_no_harder_than_small_ones(log_se):
    found = drawn(2, log_se)
    measurement_loss(found, truth_of([0.01, 5.0])).backward()
    small, large = found.grad[0, 1 : 1 + COUNT, 0].T
    torch.testing.assert_close(small, large)
    assert float(small.min()) > 0


def test_the_spread_that_is_best_is_the_mean_error():
    errors = torch.randn(4000, generator=torch.Generator().manual_seed(seeds.NOISE)).abs()
    best = math.log(float(errors.mean()))
    losses = [
        float(measurement_loss(drawn(len(errors), best + step), truth_of(errors)).detach())
        for step in (-0.2, 0.0, 0.2)
    ]
    assert min(losses) == losses[1]


def test_what_nobody_knows_pulls_at_nothing():
    found, truth = drawn(3), truth_of([1.0, 1.0, 1.0])
    truth[:, 2, :, 1] = torch.nan
    measurement_loss(found, truth).backward()
    assert bool(found.grad.isfinite().all())
    assert float(found.grad[0, 2, 0, 1]) == 0.0
    assert float(found.grad[0, 2 + COUNT, 0, 1]) == 0.0
    assert float(found.grad[0, 2, 0, 0]) > 0
