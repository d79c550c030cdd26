"""Octaves of an image, and the network that weighs them."""

import pytest
import torch
from scipy.ndimage import gaussian_filter

from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.octaves import REACH, OctaveUNet, octaves_of
from lensfree_nb.nets.registry import build_network, find_model, load_network, save_network
from tests import seeds

WIDTHS_PX = [1.0, 2.0, 4.0]


def images(*shape):
    rng = torch.Generator().manual_seed(seeds.PIXELS)
    return torch.rand(shape, generator=rng, dtype=torch.float64)


def test_octaves_are_what_gaussians_take_away():
    given = images(2, 1, 40, 53)
    found = octaves_of(given, WIDTHS_PX)
    assert found.shape == (2, 4, 40, 53)
    torch.testing.assert_close(found.sum(1, keepdim=True), given)
    smooth = [given[1, 0].numpy()]
    smooth += [
        gaussian_filter(smooth[0], width, mode="nearest", truncate=REACH) for width in WIDTHS_PX
    ]
    for number in range(3):
        wanted = torch.from_numpy(smooth[number] - smooth[number + 1])
        torch.testing.assert_close(found[1, number], wanted)


def test_of_several_images_each_has_its_own_octaves():
    given = images(1, 3, 30, 30)
    found = octaves_of(given, WIDTHS_PX).unflatten(1, (4, 3))
    for number in range(3):
        alone = octaves_of(given[:, number : number + 1], WIDTHS_PX)
        torch.testing.assert_close(found[:, :, number], alone)


@pytest.mark.parametrize("outputs", [1, 3])
@torch.no_grad()
def test_what_the_network_says_weighs_octaves_and_adds(outputs):
    net = OctaveUNet(outputs + 1, outputs, features=4, depth=2, octaves=3).double()
    given = images(2, outputs + 1, 33, 42)
    torch.testing.assert_close(net(given), given[:, :outputs])
    # Said of the second octave of the last image: three times as strong; added to it: a half.
    said = torch.zeros(5 * outputs, dtype=torch.float64)
    said[2 * outputs - 1], said[-1] = 2.0, 0.5
    # Its last layer draws blocks of four pixels of each.
    net.unet.last.bias.copy_(said.repeat_interleave(net.unet.fold**2))
    octaves = octaves_of(given[:, :outputs], net.widths_px)
    wanted = given[:, :outputs].clone()
    wanted[:, -1] += 2 * octaves[:, 2 * outputs - 1] + 0.5
    torch.testing.assert_close(net(given), wanted)


def test_a_file_of_it_gives_what_was_saved(tmp_path):
    options = {"kind": "octaves", "inputs": 2, "outputs": 1, "features": 4, "depth": 2,
               "fold": 2, "octaves": 3, "task": "restore"}  # fmt: skip
    net = build_network(options).eval()
    with torch.no_grad():
        net.unet.last.bias.normal_(generator=torch.Generator().manual_seed(seeds.LIGHT))
    path = tmp_path / "mine.safetensors"
    save_network(net, options, path)
    again = load_network(find_model(path), "cpu")
    given = images(1, 2, 24, 31).float()
    with torch.no_grad():
        torch.testing.assert_close(again(given), net(given))


def test_more_images_than_come_in_cannot_be_corrected():
    with pytest.raises(ParameterError, match="3 images cannot be corrected: 2 come in"):
        OctaveUNet(2, 3)
