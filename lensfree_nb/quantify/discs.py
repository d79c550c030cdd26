"""Discs of cells whose centres are pixels, on the device that found them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lensfree_nb.quantify.representation import DISC_PX


def disc_pixels(
    centres: Tensor, shape: tuple[int, int], disc_px: float = DISC_PX
) -> tuple[Tensor, Tensor]:
    """All pixels that lie on discs, and whose they are, by the rule of ``representation.owners``.

    Parameters
    ----------
    centres : Tensor of int64, shape (n, 2)
        Rows and columns.
    shape : (int, int)
        Of the image.
    disc_px : float
        Diameter of a disc.

    Returns
    -------
    Tensor, Tensor of int64, shape (m,)
        Numbers of pixels, counted row by row from 0, each once and in order; and the row of
        `centres` that each belongs to.

    Examples
    --------
    >>> place, owner = disc_pixels(torch.tensor([[0, 0], [0, 3]]), (1, 5), disc_px=4)
    >>> place.tolist(), owner.tolist()
    ([0, 1, 2, 3, 4], [0, 0, 1, 1, 1])
    """
    height, width = shape
    reach = math.ceil(disc_px / 2)
    along = torch.arange(-reach, reach + 1, device=centres.device)
    steps = torch.cartesian_prod(along, along)
    squared = steps.square().sum(1)
    steps, squared = steps[4 * squared <= disc_px**2], squared[4 * squared <= disc_px**2]
    y, x = (centres[:, None] + steps).unbind(-1)
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    # One number that sorts by pixel, then by distance, then by cell.
    far, count = int(squared.max()) + 1, max(len(centres), 1)
    number = torch.arange(len(centres), device=centres.device)[:, None]
    key = (((y * width + x) * far + squared) * count + number)[inside].sort().values
    place = key // (far * count)
    first = torch.ones_like(place, dtype=torch.bool)
    first[1:] = place[1:] != place[:-1]
    return place[first], (key % count)[first]
