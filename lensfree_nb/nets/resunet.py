"""The restorers of Xue 2021: a U-Net of unpadded convolutions, and one of residual blocks.

Both take the statistics of the whole image into every layer, as theirs do. Of tiles they draw
something else than of the whole: such networks are shown images whole (``tiled`` is false).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import group_norm, max_pool2d, pad, relu

DEPTH: Final = 5
# What the unpadded convolutions of five levels eat on each side of an image, and how sizes step.
HALO_PX, STRIDE_PX, SMALLEST_PX = 92, 2 ** (DEPTH - 1), 4
EPSILON: Final = 1e-3


class WholeNorm(nn.Module):
    """Zero mean and unit variance over height, width and channels of each image, two scalars after.

    What the published code calls an instance norm.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), the same size."""
        # As they lie in memory, channels last: torch adds up images in a row far more exactly.
        last = images.permute(0, 2, 3, 1)
        row = last.reshape(len(images), 1, -1)
        made = group_norm(row, 1, self.gain.view(1), self.shift.view(1), EPSILON)
        return made.view(last.shape).permute(0, 3, 1, 2)


class Pair(nn.Module):
    """Two convolutions of the U-Net, each with its norm after it (Xue 2021, §4.4)."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.first, self.second = nn.Conv2d(before, after, 3), nn.Conv2d(after, after, 3)
        self.norms = nn.ModuleList([WholeNorm(), WholeNorm()])

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), two pixels smaller on each side."""
        found = images
        for layer, norm in zip((self.first, self.second), self.norms, strict=True):
            found = relu(norm(layer(found)))
        return found


class Residual(nn.Module):
    """Two convolutions with norms before them, and a shortcut past them.

    Parameters
    ----------
    before, after : int
        Features in and out.
    raw : bool
        The block that takes the image itself: it comes as it is.
    """

    def __init__(self, before: int, after: int, *, raw: bool = False):
        super().__init__()
        self.raw = raw
        self.before = nn.Identity() if raw else WholeNorm()
        self.first, self.between = nn.Conv2d(before, after, 3), WholeNorm()
        self.second, self.shortcut = nn.Conv2d(after, after, 3), nn.Conv2d(before, after, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), two pixels smaller on each side."""
        ready = self.before(images)
        found = self.first(ready if self.raw else relu(ready))
        found = self.second(relu(self.between(found)))
        made: Tensor = found + self.shortcut(_cropped(ready, found))
        return made


class ValidUNet(nn.Module):
    """Four times down and up again without padding (Ronneberger 2015), the image mirrored around.

    Parameters
    ----------
    inputs, outputs : int
        Channels in and out.
    features : int
        At the finest level, 64 in the paper; twice as many at each one below.

    Attributes
    ----------
    halo_px : int
        What is mirrored on each side.

    Examples
    --------
    >>> ValidUNet(features=4)(torch.rand(1, 3, 50, 67)).shape
    torch.Size([1, 3, 50, 67])
    """

    first: Callable[[int, int], nn.Module] = Pair
    block: Callable[[int, int], nn.Module] = Pair
    halo_px: Final = HALO_PX
    stride_px: Final = STRIDE_PX
    tiled: Final = False

    def __init__(self, inputs: int = 3, outputs: int = 3, *, features: int = 64):
        super().__init__()
        widths = [features * 2**level for level in range(DEPTH)]
        self.down = nn.ModuleList([self.first(inputs, features)])
        self.down.extend(self.block(above, below) for above, below in pairwise(widths))
        rising = list(pairwise(widths[::-1]))
        self.rise = nn.ModuleList(
            nn.ConvTranspose2d(below, above, 2, stride=2) for below, above in rising
        )
        self.up = nn.ModuleList(self.block(below, above) for below, above in rising)
        self.last = nn.Conv2d(features, outputs, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), any size, to images of the same size."""
        height, width = images.shape[-2:]
        short = [-(n - SMALLEST_PX) % STRIDE_PX for n in (width, height)]
        around = (HALO_PX, HALO_PX + short[0], HALO_PX, HALO_PX + short[1])
        found, beside = _mirrored(images, around), []
        for number, block in enumerate(self.down):
            found = block(max_pool2d(found, 2) if number else found)
            beside.append(found)
        beside.pop()
        for rise, block in zip(self.rise, self.up, strict=True):
            risen = rise(found)
            found = block(torch.cat([_cropped(beside.pop(), risen), risen], 1))
        made: Tensor = self.last(found)
        return made[..., :height, :width]


class ResUNet(ValidUNet):
    """The U-Net of residual blocks, which restores best in Xue 2021 (§2.6, §4.4).

    The shortcut convolves what the block's norm gives, as the published code does; the paper's
    equation has a ReLU there, too.
    """

    first = staticmethod(partial(Residual, raw=True))
    block = Residual


def _cropped(images: Tensor, to: Tensor) -> Tensor:
    """The middle of images, as large as others."""
    (height, width), (rows, columns) = images.shape[-2:], to.shape[-2:]
    top, left = (height - rows) // 2, (width - columns) // 2
    return images[..., top : top + rows, left : left + columns]


def _mirrored(images: Tensor, around: tuple[int, int, int, int]) -> Tensor:
    """Continued by its mirror image, of small images again and again."""
    found = images
    left, right, top, bottom = around
    while max(left, right, top, bottom):
        height, width = found.shape[-2:]
        now = [min(part, width - 1) for part in (left, right)]
        now += [min(part, height - 1) for part in (top, bottom)]
        mode = "reflect"
        if min(height, width) == 1:
            now, mode = [left, right, top, bottom], "replicate"
        found = pad(found, now, mode=mode)
        left, right, top, bottom = (
            part - done for part, done in zip((left, right, top, bottom), now, strict=True)
        )
    return found
