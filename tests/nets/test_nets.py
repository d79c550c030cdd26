"""Every network: their size, how far they see, and what a tile gives of the whole."""

import pytest
import torch
from torch import nn

from lensfree_nb.errors import ModelError, ParameterError
from lensfree_nb.nets import bands
from lensfree_nb.nets.folded import FoldedUNet
from lensfree_nb.nets.octaves import OctaveUNet
from lensfree_nb.nets.plain import Plain
from lensfree_nb.nets.registry import build_network, find_model, load_network, save_network
from lensfree_nb.nets.unet import UNet
from tests import seeds

NETS = {
    "plain": lambda: Plain(),
    "unet": lambda: UNet(8, 2, features=8),
    "folded": lambda: FoldedUNet(1, 2, features=8, depth=3),
    "folded by four": lambda: FoldedUNet(1, 2, features=8, depth=2, fold=4),
    "folded with copies": lambda: FoldedUNet(1, 2, features=8, depth=2, saturating=2),
    "folded with maxima": lambda: FoldedUNet(1, 2, features=8, depth=2, maxima=3),
    "folded that corrects": lambda: FoldedUNet(1, 2, features=8, depth=2, fold=4, corrects=1),
    "folded that adds": lambda: FoldedUNet(1, 2, features=8, depth=3, adds=1),
    "octaves": lambda: OctaveUNet(3, 2, features=8, depth=2, octaves=3),
}


def woken(name):
    """A network in which every weight counts, in float64, as it is used after training."""
    torch.manual_seed(seeds.PIXELS)
    net = NETS[name]().double()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.3)
    return net.eval()


def images(net, *size):
    folded = 1
    if isinstance(net, FoldedUNet):
        folded = net.fold**2 * (1 + len(net.saturations)) + len(net.windows)
    if isinstance(net, OctaveUNet):
        return _random(3, *size)
    inputs = next(m.in_channels for m in net.modules() if isinstance(m, nn.Conv2d)) // folded
    return _random(inputs, *size)


def _random(inputs, *size):
    rng = torch.Generator().manual_seed(seeds.LIGHT)
    return torch.rand((1, inputs, *size), generator=rng, dtype=torch.float64)


def test_the_plain_network_is_the_papers():
    net = Plain()
    convolutions = [m for m in net if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == sum(isinstance(m, nn.BatchNorm2d) for m in net) == 20
    assert all(c.kernel_size == (3, 3) for c in convolutions)
    weights = (2 * 16 + 18 * 16 * 16 + 16 * 2) * 9 + 19 * 16 + 2
    norms = 2 * (2 + 19 * 16)
    assert sum(p.numel() for p in net.parameters()) == weights + norms
    assert 2 * net.halo_px + 1 == 41


@pytest.mark.parametrize("name", NETS)
def test_a_pixel_sees_no_farther_than_the_halo(name):
    net = woken(name)
    half = (net.halo_px // net.stride_px + 2) * net.stride_px
    side = 2 * half + net.stride_px
    farthest = []
    for place in range(half, half + net.stride_px):
        given = images(net, side, side).requires_grad_()
        net(given)[0, :, place, place].sum().backward()
        seen = given.grad.abs().amax((0, 1)).nonzero()
        farthest.append(int((seen - place).abs().max()))
    assert max(farthest) == net.halo_px


@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_a_tile_gives_what_the_whole_gives(name):
    net = woken(name)
    halo = -(-net.halo_px // net.stride_px) * net.stride_px
    height, width = 2 * halo + 32, 2 * halo + 40
    top, left = 2 * net.stride_px, net.stride_px
    given = images(net, top + height + 12, left + width + 7)
    whole = net(given)
    tile = net(given[..., top : top + height, left : left + width])
    core = (..., slice(halo, -halo), slice(halo, -halo))
    torch.testing.assert_close(
        tile[core], whole[..., top + halo : top + halo + 32, left + halo : left + halo + 40]
    )


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("size", [(1, 1), (7, 64), (33, 50)])
@torch.no_grad()
def test_any_size_comes_back(name, size):
    net = woken(name)
    given = images(net, *size)
    found = net(given)
    assert found.shape == (1, 2, *size)
    assert bool(torch.isfinite(found).all())


@pytest.mark.parametrize("name", ["measure", "change", "accelerate", "paper-four"])
@torch.inference_mode()
def test_convolutions_work_in_the_layout_that_is_quickest_and_each_image_comes_in_one_piece(name):
    spec = find_model(name)
    net = load_network(spec, "cpu")
    seen = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            module.register_forward_hook(lambda *parts: seen.append(parts[-1]))
    rng = torch.Generator().manual_seed(seeds.PIXELS)
    drawn = net(torch.rand(1, int(spec.options["inputs"]), 64, 80, generator=rng))
    load_network.cache_clear()
    assert seen
    assert all(part.is_contiguous(memory_format=torch.channels_last) for part in seen)
    assert name.startswith("paper-") or drawn.is_contiguous()


def test_before_training_the_unet_changes_nothing_and_then_it_learns():
    torch.manual_seed(seeds.PIXELS)
    net = UNet(3, 2, features=8)
    given = torch.nn.functional.interpolate(torch.rand(4, 3, 8, 8), scale_factor=4, mode="bilinear")
    aim = given[:, :2] * 0.5
    assert torch.equal(net(given), given[:, :2])
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    losses = []
    for _ in range(150):
        loss = (net(given) - aim).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize(
    "make",
    [lambda: UNet(1, 1), lambda: FoldedUNet(1, 1), lambda: FoldedUNet(1, 1, adds=1)],
)
def test_an_untrained_network_lets_an_image_through_all_its_layers(make):
    torch.manual_seed(seeds.PIXELS)
    net = make()
    given = torch.randn(1, net.down[0][0].in_channels, 64, 64)
    with torch.no_grad():
        left = float(next(net.finest(given)).square().mean().sqrt())
    assert 0.2 < left < 5


@pytest.mark.parametrize("name", [name for name in NETS if name != "plain"])
@pytest.mark.parametrize("rows", [1, 7, 32])
def test_some_rows_at_a_time_are_what_the_whole_is(name, rows, monkeypatch):
    net = woken(name)
    given = torch.randn(2, images(net, 1, 1).shape[1], 150, 70, dtype=torch.float64)
    whole = net(given)
    assert whole.requires_grad
    monkeypatch.setattr(bands, "AT_ONCE", rows * given[:, :, 0].numel())
    with torch.no_grad():
        parts = list(net.drawn(given))
        torch.testing.assert_close(net(given), whole)
    assert len(parts) > 1
    torch.testing.assert_close(torch.cat(parts, 2), whole)


def test_copies_tell_no_more_than_they_saturate_at():
    torch.manual_seed(seeds.PIXELS)
    net = FoldedUNet(1, 1, features=4, depth=2, saturating=2)
    nn.init.ones_(net.last.weight)
    with torch.no_grad():
        # The first of three channels is the image itself.
        net.down[0][0].weight[:, : net.fold**2] = 0
    thick, thicker, thin = (torch.full((1, 1, 16, 16), opd) for opd in (2.0, 8.0, 0.3))
    assert torch.equal(net(thick), net(thicker))
    assert not torch.equal(net(thick), net(thin))


def test_the_highest_values_nearby_are_shown_to_the_last_layer():
    net = FoldedUNet(1, 1, features=4, depth=2, fold=4, maxima=2)
    with torch.no_grad():
        # What is drawn is the second window's highest value, and nothing else.
        net.last.weight[:, -1] = 1.0
    image = torch.full((1, 1, 24, 40), 0.3)
    image[0, 0, 9, 10] = 2.0
    drawn = net(image)[0, 0].exp()
    assert torch.allclose(drawn[4:16, 4:16], torch.tensor(2.0))
    assert torch.allclose(drawn[:, 16:], torch.tensor(0.3))


def test_what_a_folded_net_corrects_is_its_input_at_first():
    images = torch.rand(1, 1, 50, 63, generator=torch.Generator().manual_seed(seeds.PIXELS))
    drawn = FoldedUNet(1, 3, features=8, depth=2, fold=4, corrects=1)(images)
    assert torch.equal(drawn[:, 2:], images)
    assert bool((drawn[:, :2] == 0).all())


@pytest.mark.parametrize("images", [{"inputs": 1, "outputs": 3}, {"inputs": 3, "outputs": 1}])
def test_no_more_images_are_corrected_than_there_are(images, tmp_path):
    built = {"kind": "folded", "features": 4, "depth": 2, **images}
    with pytest.raises(ParameterError, match="corrects is 2; "):
        build_network({**built, "corrects": 2})
    path = tmp_path / "odd.safetensors"
    save_network(build_network(built), {**built, "corrects": 2}, path)
    with pytest.raises(ModelError, match="corrects is 2"):
        find_model(path)
