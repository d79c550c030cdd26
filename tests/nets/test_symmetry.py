import torch

from lensfree_nb.nets.symmetry import SYMMETRIES, turned, turned_back
from tests import seeds

IMAGE = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(seeds.PIXELS))


def test_they_are_eight_and_all_differ():
    square = IMAGE[..., :5]
    found = [turned(square, n) for n in range(SYMMETRIES)]
    assert all(not torch.equal(a, b) for n, a in enumerate(found) for b in found[:n])
    torch.testing.assert_close(torch.stack([t.sum() for t in found]), square.sum().expand(8))


def test_each_is_undone():
    assert all(torch.equal(turned_back(turned(IMAGE, n), n), IMAGE) for n in range(SYMMETRIES))
