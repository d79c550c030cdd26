"""From a map to a list: local maxima, one a cell (Allier 2022 §2.3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

STEPS: Final = ((1, 0), (0, 1))
NEXT: Final = ((-1, 0), (0, -1), (0, 1), (1, 0))
AT_ONCE: Final = 2**17


def over_discs(images: Tensor, disc_px: float) -> Tensor:
    """Means of images (channel, y, x) over a disc around each pixel; zero lies beyond the border.

    Of a flat disc it makes a cone: where a network has drawn a plateau there is one highest point.
    """
    kernel = disc(disc_px).to(images)
    return conv2d(images[:, None], (kernel / kernel.sum())[None, None], padding="same")[:, 0]


def disc(disc_px: float) -> Tensor:
    """1 in those pixels about the middle one whose centres lie on a disc (y, x), else 0."""
    reach = math.ceil(disc_px / 2)
    along = torch.arange(-reach, reach + 1)
    return (torch.hypot(along[:, None].double(), along.double()) <= disc_px / 2).float()


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
    wide = pad(image[None, None], [reach] * 4, value=-math.inf)[0, 0]
    height, width = image.shape
    # Few pixels are higher than their four neighbours; only these are compared with all.
    higher = image >= least
    for dy, dx in NEXT:
        top, left = reach + dy, reach + dx
        higher &= image >= wide[top : top + height, left : left + width]
    points, window = higher.nonzero() + reach, _window(reach, image.device)
    points = points[_compared(wide, points, window, lambda own, others: own >= others)]
    marked = torch.zeros_like(wide, dtype=torch.bool)
    marked[tuple(points.T)] = True
    before = window[: len(window) // 2]
    return points[_compared(marked, points, before, lambda own, others: ~others)] - reach


def _window(reach: int, device: torch.device) -> Tensor:
    """Steps (n, 2) to all pixels around one, in reading order."""
    along = torch.arange(-reach, reach + 1, device=device)
    steps = torch.cartesian_prod(along, along)
    return steps[steps.any(1)]


def _compared(
    image: Tensor, points: Tensor, steps: Tensor, holds: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Which points stand the comparison with all pixels that lie a step away; all lie inside."""
    flat, width = image.flatten(), image.shape[1]
    place, away = (at[:, 0] * width + at[:, 1] for at in (points, steps))
    return torch.cat(
        [
            holds(flat[some, None], flat[some[:, None] + away]).all(1)
            for some in torch.split(place, AT_ONCE)
        ]
    )


def refined(image: Tensor, maxima: Tensor) -> Tensor:
    """Maxima (n, 2) to a fraction of a pixel: tops of parabolas through them and their neighbours.

    Along an axis on whose border it lies a maximum stays where it is.

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
        place, last = (
            (maxima[:, 0], image.shape[0] - 1) if dy else (maxima[:, 1], image.shape[1] - 1)
        )
        inside = (place > 0) & (place < last)
        offsets.append(torch.where(inside, offset.clamp(-0.5, 0.5), 0.0))
    return maxima + torch.stack(offsets, 1)
