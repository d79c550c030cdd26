"""A small U-Net that corrects its input, and what it shares with others."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pad

WIDEST = 4
# Of two convolutions, to either side.
BLOCK_REACH = 2


class Levels(nn.Module):
    """Down and up again (Ronneberger 2015) without normalisation: what the package's U-Nets share.

    Without norms, a tile gives what the whole gives, wherever its halo and its place on the grid
    of the coarsest level allow.

    Parameters
    ----------
    inputs : int
        Images in.
    features : int
        Images at the finest level; twice as many at the next, four times as many below it.
    depth : int
        Levels, each half as fine as the one above.

    Attributes
    ----------
    halo_px : int
        How far an output pixel looks, at most.
    stride_px : int
        Tiles that begin at multiples of it give what the whole gives.
    """

    def __init__(self, inputs: int, *, features: int, depth: int):
        super().__init__()
        widths = [features * min(2**level, WIDEST) for level in range(depth)]
        self.down = nn.ModuleList(
            _block(before, after) for before, after in zip([inputs, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(_block(above + below, above) for above, below in pairwise(widths))
        self.stride_px = 2 ** (depth - 1)
        self.halo_px = _reach(depth)

    def finest(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x) to features, on a size that the coarsest level divides."""
        height, width = images.shape[-2:]
        coarsest = 2 ** (len(self.down) - 1)
        short = [-n % coarsest for n in (width, height)]
        found = pad(images, (0, short[0], 0, short[1]), mode="replicate")
        levels: list[Tensor] = []
        for number, block in enumerate(self.down):
            found = block(avg_pool2d(found, 2) if number else found)
            levels.append(found)
        for block, beside in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            finer = interpolate(found, scale_factor=2.0, mode="bilinear")
            found = block(torch.cat([beside, finer], 1))
        return found


class UNet(Levels):
    """A U-Net whose output is added to its input. Before training it changes nothing.

    Parameters
    ----------
    inputs, outputs : int
        Images in and out; the output corrects the first `outputs` of the inputs.
    features, depth : int
        As of :class:`Levels`.

    Examples
    --------
    >>> images = torch.rand(1, 8, 50, 63)
    >>> corrected = UNet(8, 2, features=4)(images)
    >>> torch.equal(corrected, images[:, :2])
    True
    """

    def __init__(self, inputs: int, outputs: int = 2, *, features: int = 24, depth: int = 3):
        super().__init__(inputs, features=features, depth=depth)
        self.last = silent(features, outputs)
        self.outputs = outputs

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), any size, to images of the same size."""
        height, width = images.shape[-2:]
        correction = exactly(self.last, self.finest(images))[..., :height, :width]
        return images[:, : self.outputs].to(correction.dtype) + correction


def silent(inputs: int, outputs: int) -> nn.Conv2d:
    """A last layer that says nothing before training."""
    layer = nn.Conv2d(inputs, outputs, 1)
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def exactly(layer: nn.Conv2d, features: Tensor) -> Tensor:
    """A layer in its own precision: hundreds of nanometres have no room in eight bits."""
    with torch.autocast(features.device.type, enabled=False):
        made: Tensor = layer(features.to(layer.weight.dtype))
    return made


def _reach(depth: int) -> int:
    """How far a pixel looks, wherever it lies on the grid of the coarsest level."""
    farthest, stride = 0, 2 ** (depth - 1)
    for place in range(stride):
        low = high = place
        for _ in range(depth - 1):
            # From what is drawn to what it is drawn from: two convolutions, and a finer pixel lies
            # between two coarser ones.
            low, high = (low - BLOCK_REACH - 1) // 2, (high + BLOCK_REACH - 1) // 2 + 1
        low, high = low - BLOCK_REACH, high + BLOCK_REACH
        for _ in range(depth - 1):
            low, high = 2 * low - BLOCK_REACH, 2 * high + 1 + BLOCK_REACH
        farthest = max(farthest, place - low, high - place)
    return farthest


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        _convolution(before, after), nn.ReLU(inplace=True),
        _convolution(after, after), nn.ReLU(inplace=True),
    )  # fmt: skip


def _convolution(before: int, after: int) -> nn.Conv2d:
    """Begun as He et al., ICCV 2015, so that without norms an image comes through all layers."""
    layer = nn.Conv2d(before, after, 3, padding=1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
