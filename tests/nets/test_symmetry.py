import pytest
import torch

from lensfree_nb.nets.symmetry import SYMMETRIES, turned, turned_back, turned_with
from tests import seeds

IMAGE = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(seeds.PIXELS))


def test_they_are_eight_and_all_differ():
    square = IMAGE[..., :5]
    found = [turned(square, n) for n in range(SYMMETRIES)]
    assert all(not torch.equal(a, b) for n, a in enumerate(found) for b in found[:n])
    torch.testing.assert_close(torch.stack([t.sum() for t in found]), square.sum().expand(8))


def test_each_is_undone():
    assert all(torch.equal(turned_back(turned(IMAGE, n), n), IMAGE) for n in range(SYMMETRIES))


@pytest.mark.parametrize("number", range(SYMMETRIES))
def test_steps_still_lead_to_where_they_led(number):
    side, goal = 7, (2, 5)
    rows, columns = torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij")
    mark = torch.zeros(side, side)
    mark[goal] = 1
    image = torch.stack([mark, goal[0] - rows, goal[1] - columns]).float()
    found = turned_with(image, number, [1])
    y, x = (int(at) for at in found[0].nonzero()[0])
    assert torch.equal(found[1], (y - rows).float())
    assert torch.equal(found[2], (x - columns).float())
    assert torch.equal(turned_with(image, number, ()), turned(image, number))
