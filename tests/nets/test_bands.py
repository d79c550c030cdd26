"""Some rows at a time: what comes of them is what comes of all at once."""

import pytest
import torch
from torch import nn

from lensfree_nb.nets import bands
from tests import seeds


def layers_and_image():
    torch.manual_seed(seeds.PIXELS)
    layers = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)).double()
    return layers, torch.randn(2, 2, 37, 11, dtype=torch.float64)


@pytest.mark.parametrize("rows", [1, 5, 36, 37, 100])
def test_bands_are_the_whole_and_none_is_higher_than_it_may_be(rows, monkeypatch):
    layers, image = layers_and_image()
    monkeypatch.setattr(bands, "AT_ONCE", rows * image[:, :, 0].numel())
    with torch.no_grad():
        whole = layers(image)
        found = list(bands.carried(layers, 2, lambda a, b: image[:, :, a:b], image))
        torch.testing.assert_close(bands.joined(iter(found), 37), whole)
    assert max(band.shape[2] for band in found) == min(rows, 37)
    assert sum(band.shape[2] for band in found) == 37


def test_a_reach_that_is_too_short_shows():
    layers, image = layers_and_image()
    with torch.no_grad():
        found = [layers(image[:, :, a : a + 10]) for a in (0, 10, 20, 30)]
        assert (bands.joined(iter(found), 37) - layers(image)).abs().max() > 0.01


def test_a_gradient_finds_its_way_through_all_rows(monkeypatch):
    layers, image = layers_and_image()
    monkeypatch.setattr(bands, "AT_ONCE", 1)
    found = list(bands.carried(layers, 2, lambda a, b: image[:, :, a:b], image))
    assert len(found) == 1
    bands.joined(iter(found), 30).sum().backward()
    parts = [part.grad.clone() for part in layers.parameters()]
    layers.zero_grad()
    layers(image)[:, :, :30].sum().backward()
    for mine, whole in zip(parts, layers.parameters(), strict=True):
        torch.testing.assert_close(mine, whole.grad)


def test_layouts_are_kept():
    image = torch.rand(1, 3, 8, 5)
    for layout in (torch.channels_last, torch.contiguous_format):
        parts = iter(image.contiguous(memory_format=layout).split(3, dim=2))
        with torch.no_grad():
            whole = bands.joined((p.contiguous(memory_format=layout) for p in parts), 8)
        assert torch.equal(whole, image)
        assert whole.is_contiguous(memory_format=layout)
