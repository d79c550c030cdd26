import torch

from lensfree_nb.optics.object_field import object_field
from tests.seeds import PIXELS


def test_against_a_complex_exponential():
    rng = torch.Generator().manual_seed(PIXELS)
    opd, dark = 900 * torch.rand((700, 512), generator=rng), torch.rand((700, 512), generator=rng)
    found = object_field(opd, dark, 0.0137)
    expected = torch.exp(torch.complex(-dark.double(), 0.0137 * opd.double()))
    assert found.dtype == torch.complex64
    torch.testing.assert_close(found.to(torch.complex128), expected, atol=2e-6, rtol=0)


def test_empty_space_is_one():
    assert bool((object_field(torch.zeros(3, 5), torch.zeros(3, 5), 2.0) == 1).all())
