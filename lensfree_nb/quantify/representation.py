"""Cells as maps: on each cell a disc whose value is a measurement (Allier 2022 §2.3)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lensfree_nb.errors import DimensionError, ParameterError

DISC_PX: Final = 6.0
NOBODY: Final = -1
# How far from its centroid a cell may own a pixel.
REACH_PX: Final = 48


def owners(
    points_px: NDArray[np.floating[Any]], shape: tuple[int, int], disc_px: float = DISC_PX
) -> NDArray[np.int32]:
    """Whose disc each pixel belongs to: the row of a cell, or -1.

    Where discs overlap a pixel belongs to the nearest centre; of centres equally near, to the
    first. So every cell keeps its own centre, however crowded the culture.

    Parameters
    ----------
    points_px : ndarray, shape (n, 2)
        Centres (row, column; px), anywhere: a disc may lie partly or wholly outside.
    shape : (int, int)
        Of the image.
    disc_px : float
        Diameter of a disc: a pixel belongs to it where its centre does. 6 px are 10 µm on the
        paper's sensor.

    Raises
    ------
    ParameterError
        If discs are narrower than a pixel's diagonal: some would hold no pixel.
    DimensionError
        If `points_px` are no points, or not finite.

    Examples
    --------
    >>> owners(np.array([[0.0, 0.0], [0.0, 3.0]]), (1, 5), disc_px=4).tolist()
    [[0, 0, 1, 1, 1]]
    """
    points = np.asarray(points_px, float)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise DimensionError(
            f"points_px has shape {points.shape}; needed are finite rows of (row, column)"
        )
    if not disc_px >= 2**0.5:
        raise ParameterError(f"disc_px is {disc_px!r}; it must be at least 1.42")
    reach = int(np.ceil(disc_px / 2))
    steps = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij"), -1)
    pixels = np.rint(points).astype(np.int64)[:, None] + steps.reshape(-1, 2)
    apart = np.hypot(*np.moveaxis(pixels - points[:, None], -1, 0))
    held = (apart <= disc_px / 2) & ((pixels >= 0) & (pixels < shape)).all(-1)
    which = np.nonzero(held)[0]
    place = np.ravel_multi_index(tuple(pixels[held].T), shape)
    order = np.lexsort((which, apart[held], place))
    first = np.unique(place[order], return_index=True)[1]
    image = np.full(shape[0] * shape[1], NOBODY, np.int32)
    image[place[order][first]] = which[order][first]
    return image.reshape(shape)


def representation(
    values: NDArray[np.floating[Any]], owner: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Maps of measurements: each cell's values on its disc, 0 elsewhere.

    Parameters
    ----------
    values : ndarray, shape (n, metric)
        A row a cell.
    owner : ndarray of int, shape (y, x)
        Of :func:`owners`.

    Returns
    -------
    ndarray, shape (metric, y, x), float32

    Examples
    --------
    >>> representation(np.array([[7.0, 8.0]]), np.array([[-1, 0]], np.int32)).tolist()
    [[[0.0, 7.0]], [[0.0, 8.0]]]
    """
    # The last row is nobody's.
    table = np.vstack([values, np.zeros((1, values.shape[1]))]).astype(np.float32)
    return np.moveaxis(table[owner], -1, 0)
