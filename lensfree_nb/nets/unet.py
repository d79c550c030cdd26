"""A small U-Net that corrects its input, and what it shares with others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, linear, pad

from lensfree_nb.nets.bands import carried, joined, rows_of, within

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
    adds : bool
        Whether what comes from below is added to what is beside it, as in LinkNet (Chaurasia and
        Culurciello, VCIP 2017), and not put next to it: two thirds of the work.

    Attributes
    ----------
    halo_px : int
        How far an output pixel looks, at most.
    stride_px : int
        Tiles that begin at multiples of it give what the whole gives.
    """

    def __init__(self, inputs: int, *, features: int, depth: int, adds: bool = False):
        super().__init__()
        widths = [features * min(2**level, WIDEST) for level in range(depth)]
        self.down = nn.ModuleList(
            two_convolutions(before, after)
            for before, after in zip([inputs, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(
            two_convolutions(above if adds else above + below, above)
            for above, below in pairwise(widths)
        )
        self.adds = adds
        if adds:
            self.rise = nn.ModuleList(_narrowed(below, above) for above, below in pairwise(widths))
        self.stride_px = 2 ** (depth - 1)
        self.halo_px = _reach(depth)

    def finest(self, images: Tensor) -> Iterator[Tensor]:
        """Features of images (n, channel, y, x), on a size that the coarsest level divides.

        From top to bottom, some rows (n, channel, rows, x) at a time where no gradient is asked
        for: all that is in between is as small as they are.
        """
        height, width = images.shape[-2:]
        coarsest = 2 ** (len(self.down) - 1)
        short = [-n % coarsest for n in (width, height)]
        # Channels last, else every convolution turns the image there and back.
        found = images.contiguous(memory_format=torch.channels_last)
        if any(short):
            found = pad(found, (0, short[0], 0, short[1]), mode="replicate")
        levels: list[Tensor] = []
        for number, block in enumerate(self.down):
            given = avg_pool2d(found, 2) if number else found
            bands = carried(block, BLOCK_REACH, partial(rows_of, given), given)
            found = joined(bands, given.shape[2])
            levels.append(found)
        rows, bands = found.shape[2], iter([levels.pop()])
        del found
        for level in reversed(range(len(self.up))):
            below = joined(bands, rows)
            bands, rows = self._raised(level, below, levels.pop()), 2 * rows
        return bands

    def _raised(self, level: int, coarser: Tensor, beside: Tensor) -> Iterator[Tensor]:
        """One level up: what comes from below, finer, and what is beside it."""
        narrow = self.rise[level](coarser) if self.adds else coarser

        def given(start: int, stop: int) -> Tensor:
            # A finer row lies between two coarser ones.
            first, last = max(start // 2 - 1, 0), -(-stop // 2) + 1
            finer = interpolate(rows_of(narrow, first, last), scale_factor=2.0, mode="bilinear")
            finer = rows_of(finer, start - 2 * first, stop - 2 * first)
            mine = rows_of(beside, start, stop)
            return finer.add_(mine) if self.adds else torch.cat([mine, finer], 1)

        return carried(self.up[level], BLOCK_REACH, given, beside)


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
        return joined(self.drawn(images), images.shape[2])

    def drawn(self, images: Tensor) -> Iterator[Tensor]:
        """As a call, some rows at a time."""
        height, width = images.shape[-2:]
        for rows, features in within(self.finest(images), height):
            correction = exactly(self.last, features)[..., :width]
            yield images[:, : self.outputs, rows].to(correction.dtype) + correction


class Pointwise(nn.Conv2d):
    """A convolution of one pixel, as the product of matrices that it is: on processors quicker."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x) to images of the same size."""
        made = linear(images.movedim(1, -1), self.weight.flatten(1), self.bias)
        return made.movedim(-1, 1)


def silent(inputs: int, outputs: int) -> Pointwise:
    """A last layer that says nothing before training."""
    layer = Pointwise(inputs, outputs)
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def exactly(layer: Pointwise, features: Tensor) -> Tensor:
    """A last layer in its own precision: hundreds of nanometres have no room in eight bits.

    Each image lies in one piece, as those who read it want it, whatever layout the features have.
    """
    with torch.autocast(features.device.type, enabled=False):
        pixels = features.to(layer.weight.dtype).movedim(1, -1).flatten(1, 2)
        weight = layer.weight.flatten(1).expand(len(features), -1, -1)
        made: Tensor = weight @ pixels.mT
        if layer.bias is not None:
            made += layer.bias[:, None]
    return made.view(*made.shape[:2], *features.shape[-2:])


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


def two_convolutions(before: int, after: int) -> nn.Sequential:
    """A pair of 3 × 3 convolutions, each with a ReLU after it; images keep their size."""
    return nn.Sequential(
        _convolution(before, after), nn.ReLU(inplace=True),
        _convolution(after, after), nn.ReLU(inplace=True),
    )  # fmt: skip


def _narrowed(before: int, after: int) -> Pointwise:
    """To as many images as are beside, as strong as they were."""
    layer = Pointwise(before, after)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _convolution(before: int, after: int) -> nn.Conv2d:
    """Begun as He et al., ICCV 2015, so that without norms an image comes through all layers."""
    layer = nn.Conv2d(before, after, 3, padding=1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
