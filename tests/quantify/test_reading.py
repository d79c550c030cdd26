"""How drawings are read, where what was drawn is known."""

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from lensfree_nb.quantify.channels import MEASURES
from lensfree_nb.quantify.reading import discs_around, read, readings
from lensfree_nb.quantify.representation import owners, representation

PAPER = {"task": "represent", "metrics": ["area_um2", "dry_mass_pg"]}
POINTS = np.array([[20.0, 20.0], [20.0, 40.0], [52.0, 31.0]])
VALUES = np.array([[600.0, 150.0], [450.0, 200.0], [900.0, 400.0]])


def discs():
    scale = [MEASURES.scale[metric] for metric in PAPER["metrics"]]
    drawn = representation(VALUES / scale, owners(POINTS, (72, 64)))
    return torch.from_numpy(drawn)


def test_discs_are_read_as_they_are():
    found = read(discs(), PAPER, 0.3)
    assert found.centres.tolist() == POINTS.tolist()
    np.testing.assert_allclose(found.values.T, VALUES, rtol=1e-6)
    assert bool(found.errors.isnan().all())


def test_a_blurred_rim_takes_nothing_from_a_disc():
    blurred = avg_pool2d(discs()[None], 3, 1, 1)[0]
    found = read(blurred, PAPER, 0.3)
    assert found.centres.tolist() == POINTS.tolist()
    np.testing.assert_allclose(found.values.T, VALUES, rtol=1e-5)


def test_a_disc_drawn_low_and_wide_keeps_most_of_what_it_says():
    low = avg_pool2d(discs()[None], 7, 1, 3)[0]
    # The highest alone, as the rest of what is read, is hardly more than half of it.
    assert float(low.amax() / discs().amax()) < 0.6
    found = read(low, PAPER, 0.2)
    assert found.centres.tolist() == POINTS.tolist()
    said = found.values.T / torch.from_numpy(VALUES)
    assert 0.7 < float(said.min()) <= float(said.max()) < 0.85


def test_a_network_tells_how_much_each_reading_of_a_disc_counts():
    low = avg_pool2d(discs()[None], 7, 1, 3)[0]
    middle, near, around = readings(low, discs_around(low), read(low, PAPER, 0.2).centres)[0]
    # The nearer to the middle, the more of a wide drawing is left out.
    assert bool((middle < near).all() and (near < around).all())
    told = {**PAPER, "disc_weights": {"area_um2": [0.5, -1.0, 2.0]}}
    area, mass = read(low, told, 0.2).values
    expected = MEASURES.scale["area_um2"] * (0.5 * middle - near + 2 * around)
    np.testing.assert_allclose(area, expected, rtol=1e-6)
    # Of the other nothing is told.
    np.testing.assert_array_equal(mass, read(low, PAPER, 0.2).values[1])
    least = read(low, {**PAPER, "disc_weights": {"area_um2": [-1.0, 0.0, 0.0]}}, 0.2).values[0]
    # Whatever is found is drawn in the maps, and read from them.
    assert bool(((least > 0) & (least < 1)).all())


def test_a_blank_drawing_has_no_cell():
    found = read(torch.zeros(2, 30, 30), PAPER, 0.3)
    assert len(found.centres) == 0
    assert found.values.shape == (2, 0)
