import numpy as np
import torch

from lensfree_nb.quantify.channels import spots
from lensfree_nb.train.threshold import best_threshold
from tests import seeds

POINTS = np.stack(np.meshgrid(*[np.arange(10, 90, 16.0)] * 2, indexing="ij"), -1).reshape(-1, 2)
SHAPE = (96, 96)


def drawn(points, height):
    return torch.from_numpy(height * spots(points, SHAPE)).float()


def test_between_what_is_real_and_what_is_not():
    ghosts = POINTS[:5] + 8
    right = drawn(POINTS, 1.0)[None]
    seen = torch.maximum(drawn(POINTS, 0.42), drawn(ghosts, 0.17))[None]
    assert 0.17 < best_threshold(seen, right) < 0.42
    assert best_threshold(right, right) > 0.3


def test_a_blank_drawing_has_some_threshold():
    rng = np.random.default_rng(seeds.CELLS)
    blank = torch.zeros(1, *SHAPE)
    assert 0 < best_threshold(blank, drawn(rng.uniform(9, 80, (3, 2)), 1.0)[None]) < 1
    assert 0 < best_threshold(blank, blank) < 1


def test_what_a_border_cuts_does_not_count():
    inside = POINTS[((POINTS > 20) & (POINTS < 75)).all(1)]
    right = drawn(inside, 1.0)[None]
    cut = np.stack([np.full(8, 2.0), np.arange(8, 90, 11.0)], 1)
    seen = torch.maximum(drawn(inside, 0.42), drawn(cut, 0.3))[None]
    assert 0.3 < best_threshold(seen, right) < 0.42
    assert best_threshold(seen, right, border_px=10) < 0.3
