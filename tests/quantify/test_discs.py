import numpy as np
import pytest
import torch

from lensfree_nb.quantify.discs import disc_pixels
from lensfree_nb.quantify.representation import NOBODY, owners
from tests import seeds

SHAPE = (40, 37)


@pytest.mark.parametrize("disc_px", [2.0, 6.0, 9.3])
def test_the_rule_is_that_of_the_representation(disc_px):
    rng = np.random.default_rng(seeds.CELLS)
    centres = np.unique(rng.integers(0, SHAPE, (70, 2)), axis=0)
    place, owner = disc_pixels(torch.from_numpy(centres), SHAPE, disc_px)
    image = np.full(SHAPE[0] * SHAPE[1], NOBODY)
    image[place.numpy()] = owner.numpy()
    np.testing.assert_array_equal(image.reshape(SHAPE), owners(centres, SHAPE, disc_px))
    assert bool((place.diff() > 0).all())


def test_nobody_has_no_disc():
    place, owner = disc_pixels(torch.empty(0, 2, dtype=torch.int64), SHAPE)
    assert len(place) == len(owner) == 0
