"""The windows of a frame that tell most about its focus."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from lensfree_nb.reconstruct.misfit import TINY

SLOW_PX = 32
LIVELY_KNOWN = 0.9


def liveliest_windows(hologram: Tensor, side_px: int, count: int) -> list[Tensor]:
    """The `count` windows with the most contrast; the whole frame if it is hardly larger.

    Parameters
    ----------
    hologram : Tensor, shape (exposure, y, x)
        NaN where unknown; a window with a tenth of such pixels comes last. An exposure of which
        nothing is known is left out.
    """
    height, width = hologram.shape[-2:]
    if height * width <= count * side_px * side_px:
        return [hologram]
    recorded = torch.isfinite(hologram).flatten(1).any(1)
    windows = [
        hologram[:, y : y + side_px, x : x + side_px]
        for y in range(0, max(height - side_px, 0) + 1, side_px)
        for x in range(0, max(width - side_px, 0) + 1, side_px)
    ]
    return sorted(windows, key=lambda window: _contrast(window[recorded]), reverse=True)[:count]


def middle_exposure(hologram: Tensor) -> int:
    """The middle one of the exposures (exposure, y, x) that hold anything; 0 if none does.

    >>> middle_exposure(torch.tensor([[[1.0]], [[torch.nan]], [[1.0]]]))
    2
    """
    recorded = [e for e, image in enumerate(hologram) if bool(torch.isfinite(image).any())]
    return recorded[len(recorded) // 2] if recorded else 0


def flattened(hologram: Tensor) -> Tensor:
    """The hologram (exposure, y, x) over its mean within the fringes' reach; unknown pixels are 1.

    Uneven light is no contrast.
    """
    known = torch.isfinite(hologram)
    level = hologram.nanmean(dim=(-2, -1), keepdim=True)
    filled = torch.where(known, hologram, level)[None]
    blocks = avg_pool2d(filled, min(SLOW_PX, *hologram.shape[-2:]), ceil_mode=True)
    slow = interpolate(blocks, hologram.shape[-2:], mode="bilinear")[0]
    return torch.where(known, hologram / slow.clamp(min=TINY), 1.0)


def _contrast(window: Tensor) -> float:
    if not window.numel() or float(torch.isfinite(window).float().mean()) < LIVELY_KNOWN:
        return -1.0
    return float(flattened(window).std())
