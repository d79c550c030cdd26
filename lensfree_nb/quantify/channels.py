"""What the network that measures draws, and what it means.

One detection channel (a logit), and for each metric two: the logarithm of the measurement over a
typical one, and the logarithm of its relative standard error. Only on a cell's disc do the latter
mean anything.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.quantify.representation import NOBODY, owners

METRICS: Final = tuple(METRIC_UNITS)
# The value that a network calls 0, of each metric in its unit.
TYPICAL: Final = {
    "area_um2": 600.0, "dry_mass_pg": 200.0, "max_opd_nm": 100.0, "major_axis_um": 40.0,
}  # fmt: skip
OUTPUTS: Final = 1 + 2 * len(METRICS)
SPOT_PX: Final = 1.5
SPOT_REACH: Final = 4
LOG_SE: Final = (-5.0, 1.0)


def targets(
    points_px: NDArray[np.floating[Any]], values: NDArray[np.floating[Any]], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """What the network should draw of some cells: detection, and logarithms on discs.

    Parameters
    ----------
    points_px : ndarray, shape (n, 2)
        Centroids (row, column; px).
    values : ndarray, shape (n, 4)
        Measurements, in the order of ``METRIC_UNITS``.
    shape : (int, int)
        Of the image.

    Returns
    -------
    ndarray, shape (1 + 4, y, x), float32
        The first between 0 and 1, a spot on each cell; the others NaN beside the discs.
    """
    typical = np.array(list(TYPICAL.values()))
    logarithms = np.log(np.asarray(values, float).reshape(-1, len(METRICS)) / typical)
    table = np.vstack([logarithms, np.full((1, len(METRICS)), np.nan)])
    owner = owners(points_px, shape)
    return np.concatenate([spots(points_px, shape)[None], np.moveaxis(table[owner], -1, 0)]).astype(
        np.float32
    )


def spots(points_px: NDArray[np.floating[Any]], shape: tuple[int, int]) -> NDArray[np.float64]:
    """The highest, at each pixel, of Gaussians around points; 1 at the points themselves."""
    # Nearest centre, highest Gaussian: a wide disc knows it already.
    owner = owners(points_px, shape, disc_px=2 * SPOT_REACH * SPOT_PX)
    rows, columns = np.indices(shape)
    nearest = np.vstack([points_px, np.zeros((1, 2))])[owner]
    squared = (rows - nearest[..., 0]) ** 2 + (columns - nearest[..., 1]) ** 2
    return np.where(owner == NOBODY, 0.0, np.exp(-squared / (2 * SPOT_PX**2)))


def detection(drawn: Tensor) -> Tensor:
    """How surely a cell's centroid lies at each pixel (y, x; 0 to 1), of what a network drew."""
    return drawn[0].sigmoid()


def measurements(drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Measurements in their units, and their standard errors (metric, ...), of what was drawn.

    Parameters
    ----------
    drawn : Tensor, shape (1 + 8, ...)
        Of a network: at pixels, or at cells.
    """
    logarithm, log_se = drawn[1 : 1 + len(METRICS)], drawn[1 + len(METRICS) :]
    typical = torch.tensor(list(TYPICAL.values()), device=drawn.device, dtype=drawn.dtype)
    typical = typical.view(-1, *[1] * (drawn.ndim - 1))
    values = typical * logarithm.exp()
    return values, values * log_se.clamp(*LOG_SE).exp()
