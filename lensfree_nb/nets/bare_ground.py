"""How rough an image is where nothing lies: what tells how far measurements may be off."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d, pad

# Side of a square (blocks), of which each is bare or not, and how many are seen to either side.
SQUARE: Final = 8
SQUARES: Final = 5
# How far that reaches (blocks): the squares, and the neighbours of a square's own blocks.
REACH: Final = (SQUARES + 1) * SQUARE
# Of logarithms: the least (input's unit) that has one, their middle and their width.
LEAST: Final = 1e-3
MIDDLE: Final = -4.0
WIDTH: Final = 2.0
KINDS: Final = 3


def roughness(blocks: Tensor, fold: int) -> Tensor:
    """Of the smoothest square around each block: within blocks, between them, and below 0.

    Parameters
    ----------
    blocks : Tensor, shape (n, image * fold**2, y, x)
        Folded images.
    fold : int
        Side of a block (px).

    Returns
    -------
    Tensor, shape (n, 3 * image, y, x)
        Logarithms of mean differences, and of how far the lowest square's mean lies below 0.
    """
    count, _, height, width = blocks.shape
    short = (-width % SQUARE, -height % SQUARE)
    whole = pad(blocks.detach(), (0, short[0], 0, short[1]), mode="replicate").float()
    pixels = whole.reshape(count, -1, fold**2, *whole.shape[-2:])
    mean = pixels.mean(2)
    within = (pixels - mean[:, :, None]).abs().mean(2)
    around = avg_pool2d(pad(mean, (1, 1, 1, 1), mode="replicate"), 3, 1)
    squares = avg_pool2d(torch.cat([within, (mean - around).abs(), mean], 1), SQUARE)
    least = -max_pool2d(-squares, 2 * SQUARES + 1, 1, SQUARES)
    images = mean.shape[1]
    told = torch.cat([least[:, : 2 * images], -least[:, 2 * images :]], 1)
    told = (told.clamp(min=LEAST).log() - MIDDLE) / WIDTH
    for along in (2, 3):
        told = told.repeat_interleave(SQUARE, along)
    return told[..., :height, :width]
