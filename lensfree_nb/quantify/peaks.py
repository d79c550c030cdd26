"""From a map to a list: local maxima, one a cell (Allier 2022 §2.3)."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, pad

STEPS: Final = ((1, 0), (0, 1))


def over_discs(images: Tensor, disc_px: float) -> Tensor:
    """Means of images (channel, y, x) over a disc around each pixel; zero lies beyond the border.

    Of a flat disc it makes a cone: where a network has drawn a plateau there is one highest point.
    """
    reach = math.ceil(disc_px / 2)
    along = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    disc = (torch.hypot(along[:, None], along) <= disc_px / 2).to(images.dtype)
    return conv2d(images[:, None], (disc / disc.sum())[None, None], padding=reach)[:, 0]


def local_maxima(image: Tensor, *, least: float, apart_px: float) -> Tensor:
    """Local maxima of an image, on its device.

    A maximum is nowhere exceeded within `apart_px`; of equal ones so near to each other the first
    in reading order counts, so that a plateau gives one point and not one a pixel.

    Parameters
    ----------
    image : Tensor, shape (y, x)
        Without NaN.
    least : float
        Lowest maximum that counts.
    apart_px : float
        How near to each other (along y or x) two maxima cannot be.

    Returns
    -------
    Tensor of int64, shape (n, 2)
        Rows and columns, in reading order.

    Examples
    --------
    >>> local_maxima(torch.tensor([[0.0, 2.0, 2.0, 0.0, 0.0, 1.0]]), least=0.5, apart_px=2).tolist()
    [[0, 1], [0, 5]]
    """
    reach = max(1, math.floor(apart_px))
    window = 2 * reach + 1

    def highest(values: Tensor) -> Tensor:
        return max_pool2d(values[None, None], window, stride=1, padding=reach)[0, 0]

    top = (image == highest(image)) & (image >= least)
    # Of those that are equal: float64 counts the pixels of any frame exactly.
    number = -torch.arange(image.numel(), device=image.device, dtype=torch.float64)
    ranked = torch.where(top, number.reshape(image.shape), -math.inf)
    return (top & (ranked == highest(ranked))).nonzero()


def refined(image: Tensor, maxima: Tensor) -> Tensor:
    """Maxima (n, 2) to a fraction of a pixel: tops of parabolas through them and their neighbours.

    Parameters
    ----------
    image : Tensor, shape (y, x)
        What they are maxima of.
    maxima : Tensor of int, shape (n, 2)
        Rows and columns.

    Returns
    -------
    Tensor, shape (n, 2), float64
        Never further than half a pixel away.
    """
    wide = pad(image[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    y, x = (maxima + 1).unbind(1)
    offsets = []
    for dy, dx in STEPS:
        before, here, after = (wide[y + k * dy, x + k * dx].double() for k in (-1, 0, 1))
        curvature = before - 2 * here + after
        offset = 0.5 * (before - after) / torch.where(curvature < 0, curvature, -math.inf)
        offsets.append(offset.clamp(-0.5, 0.5))
    return maxima + torch.stack(offsets, 1)
