"""Rows of an image, a cache's worth at a time.

A chain of elementwise operations over a whole frame reads and writes memory once an operation, and
asks the system for fresh pages for each result: twice the time of the transforms between. Band by
band it stays in the cache. The bands hang on the image's width alone, never on the threads.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

BAND_PX = 2**18


def bands(image: Tensor) -> Iterator[slice]:
    """Slices of rows that cover an image (y, x) from top to bottom; one slice on a GPU.

    >>> import torch
    >>> [(s.start, s.stop) for s in bands(torch.empty(150, 4096))]
    [(0, 64), (64, 128), (128, 150)]
    """
    height, width = image.shape
    rows = max(1, BAND_PX // width) if image.device.type == "cpu" else height
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))
