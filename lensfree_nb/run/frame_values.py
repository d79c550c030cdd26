"""The values of one frame, checked when they are read: a lazy hologram shows them only then."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lensfree_nb.errors import DataError

LEAST_KNOWN = 0.5


def frame_values(image: NDArray[Any], full_scale: float = np.inf) -> NDArray[np.float32]:
    """A hologram (exposure, y, x) as float32; NaN where counts reach the end of the file's range.

    Raises
    ------
    DataError
        If it holds infinite or negative values, no known pixel, or an exposure without light.
    """
    values = tile_values(image, full_scale)
    if np.isnan(values).all():
        raise DataError("hologram has no known pixel in this frame")
    return values


def tile_values(image: NDArray[Any], full_scale: float = np.inf) -> NDArray[np.float32]:
    """As :func:`frame_values`, of a part of a frame, of which nothing need be known."""
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(image, np.float32)
    if np.isinf(values).any():
        raise DataError("hologram holds infinite values; mark unknown pixels with NaN")
    if (values < 0).any():
        raise DataError("hologram holds negative values; an intensity is >= 0")
    known = np.isfinite(values).any(axis=(-2, -1))
    dark = known & ~(values > 0).any(axis=(-2, -1))
    if dark.any():
        which = ", ".join(str(e) for e in np.flatnonzero(dark))
        raise DataError(
            f"exposure {which} of the hologram is dark: no pixel recorded any light; mark a dead "
            "exposure with NaN, and the others do without it"
        )
    saturated = values >= full_scale
    return np.where(saturated, np.float32(np.nan), values) if saturated.any() else values


def first_usable(
    frames: NDArray[Any], full_scale: float = np.inf
) -> tuple[int, NDArray[np.float32]]:
    """Number and :func:`frame_values` of the first of several frames that is good for the others.

    That is one of which half of each exposure is known; if there is none, the one of which most is.

    Parameters
    ----------
    frames : ndarray, shape ([time,] exposure, y, x)
        One frame is the only choice.

    Raises
    ------
    DataError
        If no frame can be used: what is wrong with the first of them.
    """
    best, most, wrong = None, -1.0, None
    for number, frame in enumerate(frames.reshape(-1, *frames.shape[-3:])):
        try:
            values = frame_values(frame, full_scale)
        except DataError as error:
            wrong = wrong or error
            continue
        known = np.isfinite(values).mean(axis=(-2, -1))
        if known.min() >= LEAST_KNOWN:
            return number, values
        if known.mean() > most:
            best, most = (number, values), float(known.mean())
    if best is None:
        raise wrong or DataError("there is no frame to look at")
    return best
