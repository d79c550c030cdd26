"""The U-Net and the ResUNet of Xue 2021: counted, and how their parts fit together."""

import pytest
import torch

from lensfree_nb.nets.registry import load_network, save_network
from lensfree_nb.nets.resunet import HALO_PX, ResUNet, ValidUNet, WholeNorm
from lensfree_nb.run.networks import apply_network
from tests import seeds

RESTORERS = {"valid_unet": ValidUNet, "resunet": ResUNet}


def counted(net):
    return sum(p.numel() for p in net.parameters())


def test_the_restorers_are_as_large_as_the_published_ones():
    assert counted(ValidUNet()) == 31_031_911
    assert counted(ResUNet()) == 32_427_685


@pytest.mark.parametrize("restorer", RESTORERS.values())
def test_an_image_of_388_px_is_drawn_from_572(restorer):
    net, seen = restorer(features=2), []
    net.down[0].register_forward_hook(lambda _, given, made: seen.append((given[0], made)))
    assert net(torch.rand(1, 3, 388, 388)).shape == (1, 3, 388, 388)
    given, made = seen[0]
    assert given.shape[-2:] == (572, 572)
    assert made.shape[-2:] == (568, 568)
    torch.testing.assert_close(
        given[..., : 2 * HALO_PX + 1], given[..., : 2 * HALO_PX + 1].flip(-1)
    )


@pytest.mark.parametrize("restorer", RESTORERS.values())
@pytest.mark.parametrize("size", [(1, 1), (2, 30), (60, 77), (100, 93)])
def test_any_size_comes_back(restorer, size):
    torch.manual_seed(seeds.PIXELS)
    found = restorer(1, 1, features=2)(torch.rand(1, 1, *size))
    assert found.shape == (1, 1, *size)
    assert bool(torch.isfinite(found).all())


def test_the_norm_is_of_height_width_and_channels_with_two_scalars():
    norm = WholeNorm()
    torch.manual_seed(seeds.PIXELS)
    images = 5 + torch.randn(2, 3, 20, 30) * torch.tensor([1.0, 7.0])[:, None, None, None]
    made = norm(images)
    torch.testing.assert_close(made.mean((1, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.std((1, 2, 3)), torch.ones(2), atol=2e-3, rtol=0)
    assert counted(norm) == 2


@pytest.mark.parametrize("kind", RESTORERS)
def test_they_are_shown_images_whole(kind, tmp_path):
    torch.manual_seed(seeds.PIXELS)
    net = RESTORERS[kind](1, 1, features=2).eval()
    options = {"kind": kind, "inputs": 1, "outputs": 1, "features": 2}
    spec = save_network(net, options, tmp_path / "net.safetensors")
    image = torch.rand(1, 70, 90)
    with torch.inference_mode():
        torch.testing.assert_close(apply_network(spec, image, tile_px=32), net(image[None])[0])
    load_network.cache_clear()
