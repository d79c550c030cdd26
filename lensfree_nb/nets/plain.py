"""The network of Allier 2022: a plain row of layers that keeps the image's size."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

KERNEL_PX = 3


class Plain(nn.Sequential):
    """Batch normalisation, 3 × 3 convolution and ReLU, again and again (Allier 2022, §2.2).

    Takes images (n, channel, y, x) of any size and gives images of that size. No shrinking, no
    skips: each output pixel sees ``2 layers + 1`` input pixels along a side.

    Parameters
    ----------
    inputs, outputs : int
        Images in and out: OPD and absorption.
    features : int
        Images between layers: 16 for reconstruction, 32 for measurements.
    layers : int
        Convolutions. The last has no ReLU after it: an output that starts negative would never
        learn (our reading; the paper does not say).

    Examples
    --------
    >>> Plain()(torch.zeros(1, 2, 40, 56)).shape
    torch.Size([1, 2, 40, 56])
    """

    def __init__(self, inputs: int = 2, outputs: int = 2, *, features: int = 16, layers: int = 20):
        widths = [inputs, *[features] * (layers - 1), outputs]
        parts: list[nn.Module] = []
        for before, after in pairwise(widths):
            convolution = nn.Conv2d(before, after, KERNEL_PX, padding=KERNEL_PX // 2)
            parts += [nn.BatchNorm2d(before), convolution, nn.ReLU()]
        super().__init__(*parts[:-1])
        self.halo_px = layers * (KERNEL_PX // 2)
        self.stride_px = 1

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, channel, y, x), any size, to images of the same size."""
        *before, last = self.children()
        found = images
        for part in before:
            found = part(found)
        # Hundreds of nanometres have no room in the eight bits of bfloat16.
        with torch.autocast(images.device.type, enabled=False):
            made: Tensor = last(found.to(next(last.parameters()).dtype))
        return made
