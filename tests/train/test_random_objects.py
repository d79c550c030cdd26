"""Random objects: always the same by their number, sharpest in focus."""

import numpy as np
import torch

from lensfree_nb.train.random_objects import ObjectSource, any_object
from tests import seeds


def test_a_field_is_always_the_same_and_blurs_away_from_the_focus():
    source = ObjectSource(seeds.CELLS, field_px=96, planes=3, sharp=1)
    for number in range(8):
        field = source.field(number)
        assert field.images.shape == (3, 1, 96, 96)
        assert field.truth.shape == (1, 96, 96)
        assert field.images.isfinite().all()
        assert field.away[0] <= 0.25 < 0.75 <= field.away[1:].min()
        off = [float((image - field.truth).std()) for image in field.images]
        assert off[0] < min(off[1:])
        assert torch.equal(field.images, ObjectSource(seeds.CELLS, 96, 3, 1).field(number).images)


def test_objects_are_of_any_look():
    rng = np.random.default_rng(seeds.SHAPES)
    objects = [any_object(64, rng).sum(0) for _ in range(12)]
    assert all(np.isfinite(one).all() and one.std() > 0 for one in objects)
    # How much of each lies in what is finer than four pixels differs widely.
    fine = []
    for one in objects:
        power = np.abs(np.fft.rfft2(one)) ** 2
        away = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64))
        fine.append(power[away > 0.25].sum() / power[away > 0].sum())
    assert max(fine) > 10 * min(fine)
