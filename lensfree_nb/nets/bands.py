"""Images on their way through a network, some rows at a time: what is in between stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import torch
from torch import Tensor

# Numbers that a processor carries at once (float32: 16 MB): larger arrays a thread cannot keep for
# the next one of their size, and new memory is dear (``run.memory``).
AT_ONCE: Final = 2**22


def carried(
    layers: Callable[[Tensor], Tensor],
    reach: int,
    given: Callable[[int, int], Tensor],
    like: Tensor,
) -> Iterator[Tensor]:
    """What layers make of an image (n, channel, y, x), from top to bottom.

    All rows at once where a gradient is asked for, which needs what is in between, and on GPUs.

    Parameters
    ----------
    layers : callable
        Keeps the size of what it is given.
    reach : int
        How far it looks.
    given : callable
        Gives the rows of the image from one to another.
    like : Tensor
        As large as the image.
    """
    rows = like.shape[2]
    whole = torch.is_grad_enabled() or like.device.type != "cpu"
    once = rows if whole else max(1, AT_ONCE * rows // max(like.numel(), 1))
    for start in range(0, rows, once):
        stop = min(start + once, rows)
        first, last = max(start - reach, 0), min(stop + reach, rows)
        yield layers(given(first, last))[:, :, start - first : stop - first]


def rows_of(images: Tensor, start: int, stop: int) -> Tensor:
    """Of images (n, channel, y, x)."""
    return images[:, :, start:stop]


def within(bands: Iterable[Tensor], rows: int) -> Iterator[tuple[slice, Tensor]]:
    """Bands of an image with their places, but for what lies below its last row.

    >>> image = torch.arange(5).view(1, 1, 5, 1)
    >>> [(place.start, len(band.flatten())) for place, band in within(image.split(2, dim=2), 3)]
    [(0, 2), (2, 1)]
    """
    start = 0
    for band in bands:
        stop = min(start + band.shape[2], rows)
        if start < stop:
            yield slice(start, stop), rows_of(band, 0, stop - start)
        start = stop


def joined(bands: Iterable[Tensor], rows: int) -> Tensor:
    """Bands of an image of so many rows in one piece; laid out as they are.

    >>> image = torch.arange(5).view(1, 1, 5, 1)
    >>> torch.equal(joined(iter(image.split(2, dim=2)), 5), image)
    True
    """
    parts = within(bands, rows)
    if torch.is_grad_enabled():
        return torch.cat([band for _, band in parts], 2)
    place, band = next(parts)
    if band.shape[2] == rows:
        return band
    last = band.is_contiguous(memory_format=torch.channels_last)
    whole = torch.empty(
        (*band.shape[:2], rows, band.shape[3]), dtype=band.dtype, device=band.device,
        memory_format=torch.channels_last if last else torch.contiguous_format,
    )  # fmt: skip
    whole[:, :, place] = band
    for place, band in parts:
        whole[:, :, place] = band
    return whole
