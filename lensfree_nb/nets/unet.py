"""A small U-Net that corrects its input."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pad

WIDEST = 4


class UNet(nn.Module):
    """A U-Net (Ronneberger 2015) without normalisation, whose output is added to its input.

    Without norms, a tile gives what the whole gives, wherever its halo and its place on the grid
    of the coarsest level allow. Before training it changes nothing.

    Parameters
    ----------
    inputs, outputs : int
        Images in and out; the output corrects the first `outputs` of the inputs.
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

    Examples
    --------
    >>> images = torch.rand(1, 8, 50, 63)
    >>> corrected = UNet(8, 2, features=4)(images)
    >>> torch.equal(corrected, images[:, :2])
    True
    """

    def __init__(self, inputs: int, outputs: int = 2, *, features: int = 24, depth: int = 3):
        super().__init__()
        widths = [features * min(2**level, WIDEST) for level in range(depth)]
        self.down = nn.ModuleList(
            _block(before, after) for before, after in zip([inputs, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(_block(above + below, above) for above, below in pairwise(widths))
        self.last = nn.Conv2d(features, outputs, 1)
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)
        self.outputs = outputs
        self.stride_px = 2 ** (depth - 1)
        # Two convolutions at each level on the way down and up, and a coarse pixel to either side
        # where the levels meet.
        self.halo_px = sum(4 * 2**level for level in range(depth)) + 2 * self.stride_px

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), any size, to images of the same size."""
        height, width = images.shape[-2:]
        short = [-n % self.stride_px for n in (width, height)]
        found = pad(images, (0, short[0], 0, short[1]), mode="replicate")
        levels: list[Tensor] = []
        for number, block in enumerate(self.down):
            found = block(avg_pool2d(found, 2) if number else found)
            levels.append(found)
        for block, beside in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            finer = interpolate(found, scale_factor=2.0, mode="bilinear")
            found = block(torch.cat([beside, finer], 1))
        # A correction of hundreds of nanometres has no room in the eight bits of bfloat16.
        with torch.autocast(images.device.type, enabled=False):
            exact = found.to(self.last.weight.dtype)
            correction: Tensor = self.last(exact)[..., :height, :width]
        return images[:, : self.outputs].to(exact.dtype) + correction


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(after, after, 3, padding=1), nn.ReLU(inplace=True),
    )  # fmt: skip
