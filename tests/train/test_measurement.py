"""What the loss of networks that measure asks for."""

import math

import pytest
import torch

from lensfree_nb.quantify.channels import CHANGES, MEASURES, spots
from lensfree_nb.train.measurement import measurement_loss
from tests import seeds

COUNT = len(CHANGES.metrics)
APART = 8


def truth_of(errors):
    """Cells in a row whose true measurements are those errors below 0; no pixel is known."""
    points = torch.tensor([[APART / 2, (n + 0.5) * APART] for n in range(len(errors))])
    shape = (APART, APART * len(errors))
    values = -torch.as_tensor(errors).repeat_interleave(APART).expand(COUNT, APART, -1)
    spot = torch.from_numpy(spots(points.numpy(), shape))[None].float()
    unknown = torch.full((CHANGES.ground, *shape), torch.nan)
    return torch.cat([spot, values, unknown])[None]


def drawn(cells, log_se=0.0):
    found = torch.zeros(1, CHANGES.outputs, APART, APART * cells)
    found[:, 1 + COUNT : 1 + 2 * COUNT] = log_se
    return found.requires_grad_()


def of_cells(gradient):
    """Summed over the part of each cell (channel, cell)."""
    return gradient[0].unflatten(2, (-1, APART)).sum((1, 3))


@pytest.mark.parametrize("log_se", [-2.0, 0.0])
def test_large_and_uncertain_errors_pull_no_harder_than_small_ones(log_se):
    found = drawn(2, log_se)
    measurement_loss(found, truth_of([0.01, 5.0]), CHANGES).backward()
    small, large = of_cells(found.grad)[1 : 1 + COUNT].T
    torch.testing.assert_close(small, large)
    assert float(small.min()) > 0


def test_the_standard_error_that_is_best_holds_68_percent():
    errors = torch.randn(400, generator=torch.Generator().manual_seed(seeds.NOISE)).abs()
    best = math.log(float(errors.quantile(0.6827)))
    truth = truth_of(errors)
    losses = [
        float(measurement_loss(drawn(len(errors), best + step), truth, CHANGES).detach())
        for step in (-0.2, 0.0, 0.2)
    ]
    assert min(losses) == losses[1]


def test_what_nobody_knows_pulls_at_nothing():
    found, truth = drawn(3), truth_of([1.0, 1.0, 1.0])
    truth[:, 2, :, APART : 2 * APART] = torch.nan
    measurement_loss(found, truth, CHANGES).backward()
    assert bool(found.grad.isfinite().all())
    pull = of_cells(found.grad)
    assert float(pull[2, 1]) == 0.0
    assert float(pull[2 + COUNT, 1]) == 0.0
    assert float(pull[2, 0]) > 0


def ground():
    """A cell whose pixels are known in the left half of the image."""
    shape = (32, 32)
    truth = torch.full((1, 1 + len(MEASURES.metrics) + MEASURES.ground, *shape), torch.nan)
    truth[0, 0] = torch.from_numpy(spots(torch.tensor([[16.0, 8.0]]).numpy(), shape))
    truth[0, -MEASURES.ground :, :, :16] = 0.0
    truth[0, -2:, 10:22, 4:12] = 1.0
    return truth


def test_pixels_are_learned_where_they_are_known():
    found = torch.randn(1, MEASURES.outputs, 32, 32, generator=torch.Generator().manual_seed(1))
    found.requires_grad_()
    measurement_loss(found, ground()).backward()
    pull = found.grad[0, -MEASURES.ground :]
    assert bool((pull[..., :16] != 0).all())
    assert bool((pull[..., 16:] == 0).all())


def test_a_cells_own_opd_counts_more_than_bare_ground():
    found = torch.full((1, MEASURES.outputs, 32, 32), 0.5, requires_grad=True)
    measurement_loss(found, ground()).backward()
    pull = found.grad[0, -1].abs()
    assert float(pull[16, 8]) == pytest.approx(5 * float(pull[0, 0]))


def test_a_second_cell_drawn_on_a_cell_is_as_dear_as_what_the_first_then_lacks():
    found = torch.full((1, MEASURES.outputs, 32, 32), 0.5, requires_grad=True)
    measurement_loss(found, ground()).backward()
    (_, _, first), (_, _, second) = MEASURES.parted(found.grad[0, -MEASURES.ground :].abs())
    assert float(second[0, 16, 8]) == pytest.approx(float(first[0, 16, 8]))
    assert float(second[0, 16, 8]) == pytest.approx(5 * float(second[0, 0, 0]))
