"""What pixels add up to, of grounds that are known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lensfree_nb.quantify.channels import CHANGES, MEASURES, STEP_PX
from lensfree_nb.quantify.gathering import gathered
from lensfree_nb.quantify.representation import REACH_PX

PITCH = 1.67


def ground_of(centres, axes, angles, opd_nm, shape=(140, 150)):
    """Ellipses as a network that knows them would draw them; the nearest owns what they share."""
    rows, columns = np.indices(shape)
    drawn = np.zeros((4, *shape), np.float32)
    drawn[2] = -12.0
    far = np.full(shape, np.inf)
    for (y, x), (long, short), angle, opd in zip(centres, axes, angles, opd_nm, strict=True):
        dy, dx = rows - y, columns - x
        along = dx * np.cos(angle) + dy * np.sin(angle)
        across = -dx * np.sin(angle) + dy * np.cos(angle)
        radius = np.hypot(along / long, across / short)
        mine = (radius <= 1) & (radius < far)
        far[mine] = radius[mine]
        for channel, value in enumerate((-dy / STEP_PX, -dx / STEP_PX, 12.0, opd / 100)):
            drawn[channel][mine] = np.broadcast_to(value, shape)[mine]
    return torch.from_numpy(drawn), torch.tensor(np.rint(centres).astype(int))


def of_one(ground, centres):
    """Measured where there is one cell at a pixel at most."""
    return gathered(ground, centres, replace(MEASURES, layers=1))


def test_an_ellipse_is_measured_as_it_is():
    ground, centres = ground_of([(60.3, 71.8)], [(20, 8)], [0.6], [80.0])
    area, mass, highest, axis = of_one(ground, centres)[:, 0].tolist()
    right = math.pi * 20 * 8 * PITCH**2
    assert area == pytest.approx(right, rel=0.01)
    assert mass == pytest.approx(right * 80e-3 / 0.18, rel=0.01)
    assert highest == pytest.approx(80)
    assert axis == pytest.approx(2 * 20 * PITCH, rel=0.01)


def test_the_far_ends_of_a_long_cell_are_its_own_though_their_steps_fall_short():
    ground, centres = ground_of([(60, 71)], [(32, 6)], [0.4], [80.0])
    right = of_one(ground, centres)
    far = (ground[:2] * STEP_PX).square().sum(0).sqrt()
    ground[:2] *= (16 / far.clamp(min=16))[None]
    torch.testing.assert_close(of_one(ground, centres), right)
    # Where bare ground lies between, nothing leads on.
    ground[2, far > 8] = torch.where(far[far > 8] < 20, -12.0, 12.0)
    assert of_one(ground, centres)[0, 0] < 0.5 * right[0, 0]


def test_cells_that_touch_keep_their_own():
    places = [(60, 60), (60, 79)]
    together, centres = ground_of(places, [(12, 9)] * 2, [0.0, 0.0], [50.0, 200.0])
    found = of_one(together, centres)
    for number, place in enumerate(places):
        alone, own = ground_of([place], [(12, 9)], [0.0], [[50.0, 200.0][number]])
        right = of_one(alone, own)[:, 0]
        # Only what both claim changes hands.
        assert found[1, number] == pytest.approx(right[1].item(), rel=0.1)
        assert found[2, number] == right[2]


def test_what_no_cell_owns_counts_for_none():
    ground, centres = ground_of([(60, 60)], [(12, 9)], [0.0], [50.0])
    right = of_one(ground, centres)
    astray = ground.clone()
    # One stripe points to where no centre is, one farther than cells reach, one off the image.
    for row, step in ((20, 30.0), (60 + REACH_PX + 1, -REACH_PX - 1.0), (130, 40.0)):
        astray[0, row], astray[2, row], astray[3, row] = step / STEP_PX, 12.0, 1.0
    torch.testing.assert_close(of_one(astray, centres), right)


def test_a_cell_without_pixels_has_the_least_of_each():
    ground, _ = ground_of([(60, 60)], [(12, 9)], [0.0], [50.0])
    found = of_one(ground, torch.tensor([[60, 60], [10, 10]]))
    assert bool((found > 0).all())
    assert float(found[0, 1]) < 20
    assert of_one(ground, torch.empty(0, 2, dtype=torch.int64)).shape == (4, 0)


def test_what_became_of_cells_is_the_difference():
    places, later = [(60.0, 60.0), (60.0, 100.0)], [(63.5, 58.0), (60.0, 100.0)]
    first, centres = ground_of(places, [(12, 9)] * 2, [0.0, 0.0], [50.0, 200.0])
    second, _ = ground_of(later, [(14, 9), (12, 9)], [0.0, 0.0], [50.0, 220.0])
    # Pixels of the second moment point to where their cell was at the first.
    inside = second[2] > 0
    nearest_first = torch.arange(second.shape[2])[None].expand_as(inside) < 80
    for axis, moved in enumerate((3.5, -2.0)):
        second[axis][inside & nearest_first] -= moved / STEP_PX
    both = torch.cat([first[:2], second[:2], first[2:3], second[2:3], first[3:], second[3:]])
    y, x, axis, mass = gathered(both, centres, CHANGES)
    assert y.tolist() == pytest.approx([3.5 * PITCH, 0], abs=0.1)
    assert x.tolist() == pytest.approx([-2.0 * PITCH, 0], abs=0.1)
    assert axis.tolist() == pytest.approx([4 * PITCH, 0], abs=0.2)
    # To as many pixels as fit: 6 of the 56 that the first has gained.
    to_pg = PITCH**2 * 1e-3 / 0.18
    grown = [math.pi * (14 - 12) * 9 * 50 * to_pg, math.pi * 12 * 9 * 20 * to_pg]
    assert mass.tolist() == pytest.approx(grown, rel=0.15)


def test_cells_on_each_other_both_keep_what_they_share():
    places, heights = [(60, 60), (60, 68)], [50.0, 200.0]
    alone = [
        ground_of([place], [(12, 9)], [0.0], [opd])
        for place, opd in zip(places, heights, strict=True)
    ]
    (low, low_at), (high, high_at) = alone
    right = [of_one(*one)[:, 0] for one in alone]
    both, above, below = (high[2] > 0) & (low[2] > 0), high.clone(), low.clone()
    above[:, ~(high[2] > 0)] = low[:, ~(high[2] > 0)]
    below[:2, ~both], below[2, ~both], below[3, ~both] = 0.0, -12.0, 0.0
    centres = torch.cat([low_at, high_at])
    found = gathered(torch.cat([below, above]), centres, MEASURES)
    torch.testing.assert_close(found.T, torch.stack(right))
    # A cell that claims a pixel in both layers has it once.
    twice = gathered(torch.cat([above, above]), centres, MEASURES)
    torch.testing.assert_close(twice, of_one(above, centres))
