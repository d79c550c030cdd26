"""Autofocus by inversion on simulated heights, colours, noise and nothing at all."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.sensor import expose
from lensfree_nb.reconstruct.focus import find_focus, find_planes, lowest, objective, only_exposure

SIDE, MARGIN = 160, 120
HEIGHTS_UM = (900.0, 1200.0)


def cells(seed, count=8):
    """OPD (µm) of a few half-ellipsoids, 100 nm high."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    opd = np.zeros((SIDE, SIDE))
    for cy, cx in rng.uniform(20, SIDE - 20, (count, 2)):
        opd = np.maximum(opd, 1 - ((y - cy) / 5) ** 2 - ((x - cx) / 9) ** 2)
    return torch.tensor(0.1 * np.sqrt(np.clip(opd, 0, None)), dtype=torch.float32)


def holograms(setup, seed, noise=0.01):
    opd = cells(seed)
    shots = [
        expose(opd, torch.zeros_like(opd), setup, e, margin_px=MARGIN)
        for e in range(setup.exposures)
    ]
    generator = torch.Generator().manual_seed(seed)
    image = torch.stack(shots)
    return image + noise * torch.randn(image.shape, generator=generator)


@pytest.fixture(scope="module")
def two_heights():
    setup = Setup((530.0, 530.0), 1.67, HEIGHTS_UM)
    return holograms(setup, 31), dataclasses.replace(setup, distance_um=None)


def test_two_heights_one_by_one_and_then_together(two_heights):
    image, setup = two_heights
    alone = [
        find_focus(image[e : e + 1], only_exposure(setup, e), (700.0, 1600.0)).distance_um
        for e in range(2)
    ]
    together = find_planes(image, setup, alone)
    assert alone == pytest.approx(HEIGHTS_UM, abs=25)
    assert together == pytest.approx(HEIGHTS_UM, abs=15)


def test_heights_together_mend_a_poor_start(two_heights):
    image, setup = two_heights
    start = (HEIGHTS_UM[0] * 0.97, HEIGHTS_UM[1] * 1.03)
    assert find_planes(image, setup, start) == pytest.approx(HEIGHTS_UM, abs=15)


def test_the_objective_is_least_at_the_truth_and_one_for_nothing(two_heights):
    image, setup = two_heights
    values = {
        scale: objective(image, setup.at(tuple(scale * z for z in HEIGHTS_UM)))
        for scale in (0.9, 1.0, 1.1)
    }
    assert min(values, key=values.get) == 1.0
    assert 0 < values[1.0] < 1
    assert objective(torch.ones(2, 64, 64), setup.at(HEIGHTS_UM)) == 1.0


def test_unknown_pixels_do_not_move_the_focus():
    setup = Setup((530.0,), 1.67, (1000.0,))
    image = holograms(setup, 32)
    image[:, 40:60, 40:60] = torch.nan
    found = find_focus(image, setup, (700.0, 1500.0))
    assert found.found
    assert found.distance_um == pytest.approx(1000, abs=20)


def test_noise_has_no_focus_and_says_why():
    generator = torch.Generator().manual_seed(33)
    noise = 1 + 0.02 * torch.randn(1, SIDE, SIDE, generator=generator)
    found = find_focus(noise, Setup((530.0,), 1.67), (700.0, 1500.0))
    assert not found.found
    assert math.isnan(found.distance_um)
    assert found.reason
    assert len(found.distances_um) == len(found.objective)


def test_lowest_of_a_parabola_is_exact_and_stays_inside():
    assert lowest(lambda z: (z - 3.21) ** 2, 2.0, 5.0) == pytest.approx(3.21)
    assert 4.0 <= lowest(lambda z: -z, 2.0, 5.0) <= 5.0
