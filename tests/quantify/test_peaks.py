import numpy as np
import pytest
import torch
from skimage.feature import peak_local_max

from lensfree_nb.quantify.peaks import local_maxima, over_discs, refined
from lensfree_nb.quantify.representation import owners, representation
from tests import seeds


def test_the_maxima_of_an_independent_library():
    image = np.random.default_rng(seeds.NOISE).normal(size=(90, 70))
    mine = local_maxima(torch.from_numpy(image), least=0.5, apart_px=3)
    theirs = peak_local_max(image, min_distance=3, threshold_abs=0.5, exclude_border=False)
    assert sorted(map(tuple, mine.tolist())) == sorted(map(tuple, theirs))


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (2, 9)])
def test_a_plateau_is_one_maximum(size):
    image = torch.zeros(20, 30)
    image[5 : 5 + size[0], 6 : 6 + size[1]] = 2.0
    assert local_maxima(image, least=1.0, apart_px=9).tolist() == [[5, 6]]


def test_nothing_gives_no_maximum():
    assert local_maxima(torch.zeros(9, 9), least=0.1, apart_px=3).shape == (0, 2)
    assert refined(torch.zeros(9, 9), torch.empty(0, 2, dtype=torch.int64)).shape == (0, 2)


def test_discs_are_found_where_they_were_drawn():
    rng = np.random.default_rng(seeds.CELLS)
    grid = np.stack(np.meshgrid(*[np.arange(8, 90, 11.0)] * 2, indexing="ij"), -1).reshape(-1, 2)
    points = grid + rng.uniform(-1.4, 1.4, grid.shape)
    values = rng.uniform(50, 200, (len(points), 1))
    drawn = torch.from_numpy(representation(values, owners(points, (96, 96))))
    smooth = over_discs(drawn, 6.0)[0]
    found = local_maxima(smooth, least=10.0, apart_px=3)
    assert len(found) == len(points)
    exact = refined(smooth, found).numpy()
    apart = np.hypot(*(exact[:, None] - points[None]).transpose(2, 0, 1)).min(0)
    assert apart.max() < 1.0
    assert apart.mean() < 0.5


def test_a_parabola_is_found_to_a_fraction_of_a_pixel():
    y, x = np.mgrid[:15, :17]
    image = torch.from_numpy(9 - (y - 6.3) ** 2 - 0.5 * (x - 8.8) ** 2)
    found = refined(image, local_maxima(image, least=0, apart_px=5))
    np.testing.assert_allclose(found.numpy(), [[6.3, 8.8]], atol=1e-9)


def test_a_maximum_on_the_border_stays_in_the_frame():
    image = torch.zeros(9, 9)
    image[0, 0], image[8, 4] = 3.0, 2.0
    found = refined(image, local_maxima(image, least=1, apart_px=3))
    assert found.min() >= -0.5
    assert found.max() <= 8.5


def test_on_the_border_nothing_tells_a_fraction():
    image = torch.zeros(9, 9)
    image[0, 4], image[0, 5], image[1, 4] = 1.0, 0.5, 0.4
    ((y, x),) = refined(image, torch.tensor([[0, 4]])).tolist()
    assert y == 0.0
    assert 4.0 < x < 4.5
