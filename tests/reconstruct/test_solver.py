import math

import pytest
import torch

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.sensor import expose
from lensfree_nb.reconstruct.misfit import Misfit, total
from lensfree_nb.reconstruct.solver import Weights, minimise

SETUP = Setup((640.0, 450.0), 1.67, (300.0, 300.0))


def hologram(opd_nm=60.0, size=64):
    axis = torch.arange(size) - size / 2
    opd = opd_nm * 1e-3 * torch.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / 50)
    shots = [expose(opd, torch.zeros_like(opd), SETUP, e, margin_px=64, lines=1) for e in range(2)]
    return torch.stack(shots), opd * 1e3


def objective(misfit, weights, phase, absorption):
    def variation(x):
        down, across = torch.zeros_like(x), torch.zeros_like(x)
        down[:-1], across[:, :-1] = x[1:] - x[:-1], x[:, 1:] - x[:, :-1]
        return total(torch.hypot(down, across))

    rough = sum(variation(x) for x in (phase, absorption))
    sparse = total(phase.abs()) + total(absorption.abs())
    data = misfit.value_and_gradient(phase, absorption)[0]
    return data + weights.smoothness * rough + weights.sparsity * sparse


@pytest.mark.parametrize("joint", [False, True])
def test_more_iterations_end_lower_and_within_bounds(joint):
    image, truth = hologram()
    weights = Weights(0.005, 0.001, relax=1.0, joint=joint)
    reached = []
    for iterations in (1, 4, 16, 64):
        misfit = Misfit(image, SETUP, background_px=None)
        found = minimise(misfit, weights, iterations=iterations, proximal_steps=20)
        assert all(bool((x >= 0).all()) for x in found)
        reached.append(objective(misfit, weights, *found))
    assert reached == sorted(reached, reverse=True)
    # What is true has an objective as well; the minimum lies below it.
    phase = misfit.spread(truth) * 2 * math.pi / (misfit.reference_um * 1e3)
    assert reached[-1] < objective(misfit, weights, phase, misfit.zeros()) < reached[0]


def test_a_pure_phase_object_is_recovered():
    image, truth = hologram()
    misfit = Misfit(image, SETUP, background_px=None)
    phase, absorption = minimise(misfit, Weights(0.002, 0.0005, relax=10), iterations=150)
    found = misfit.crop(phase) * misfit.reference_um * 1e3 / (2 * math.pi)
    assert float((found - truth).square().mean().sqrt()) < 2.5
    assert float(misfit.crop(absorption).max()) < 0.05


def test_it_ends_where_nothing_moves_any_more():
    image, truth = hologram()
    found, used = [], []
    for relax in (1.0, 1.0 + 1e-9):  # weights that relax are never settled before the end
        misfit = Misfit(image, SETUP, background_px=10.0)
        start = misfit.spread(truth) * 2 * math.pi / (misfit.reference_um * 1e3), misfit.zeros()
        weights, counted = Weights(0.004, 0.0003, relax=relax, prior=1.0), []
        phase, _ = minimise(
            misfit, weights, iterations=153, start=start,
            callback=lambda iteration, _, counted=counted: counted.append(iteration),
        )  # fmt: skip
        found.append(phase * misfit.reference_um * 1e3 / (2 * math.pi))
        used.append(len(counted))
    assert used[0] < 50 < used[1] == 153
    assert float((found[0] - found[1]).abs().max()) < 0.05  # nm


def test_weights_fall_geometrically():
    weights = Weights(0.08, 0.008, relax=4.0)
    smoothness, sparsity = zip(*(weights.at(i, 3) for i in range(3)), strict=True)
    assert smoothness == pytest.approx((0.08, 0.04, 0.02))
    assert sparsity == pytest.approx((0.008, 0.004, 0.002))
    assert weights.at(0, 1) == (0.08, 0.008)
