"""What the networks that measure draw, and what it means.

One detection channel (a logit), and for each metric two: the measurement, coded, and the logarithm
of its standard error in the same code. Only on a cell's disc do the latter mean anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.quantify.representation import NOBODY, owners

SPOT_PX: Final = 2.0
SPOT_REACH: Final = 4
LOG_SE: Final = (-5.0, 1.0)


@dataclass(frozen=True)
class Channels:
    """How measurements are coded for a network.

    Parameters
    ----------
    scale : mapping of str to float
        Of each metric, in its unit: what a network calls 0 where numbers are logarithmic, else 1.
    logarithmic : bool
        Whether a measurement is coded by its logarithm: relative errors count.
    """

    scale: Mapping[str, float]
    logarithmic: bool

    @property
    def metrics(self) -> tuple[str, ...]:
        """In the order of the channels."""
        return tuple(self.scale)

    @property
    def outputs(self) -> int:
        """How many images a network draws."""
        return 1 + 2 * len(self.scale)

    def coded(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Measurements (n, metric) in their units, as a network knows them."""
        relative = np.asarray(values, float).reshape(-1, len(self.scale)) / [*self.scale.values()]
        return np.log(relative) if self.logarithmic else relative

    def decoded(self, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Measurements in their units, and their standard errors (metric, ...), of what was drawn.

        Parameters
        ----------
        drawn : Tensor, shape (1 + 2 * metric, ...)
            Of a network: at pixels, or at cells.
        """
        count = len(self.scale)
        values, error = self.valued(drawn[1 : 1 + count]), drawn[1 + count :].clamp(*LOG_SE).exp()
        return values, error * (values if self.logarithmic else self._scale_like(error))

    def valued(self, coded: Tensor) -> Tensor:
        """Measurements in their units (metric, ...), of what a network calls them."""
        return self._scale_like(coded) * (coded.exp() if self.logarithmic else coded)

    def _scale_like(self, coded: Tensor) -> Tensor:
        scale = torch.tensor([*self.scale.values()], device=coded.device, dtype=coded.dtype)
        return scale.view(-1, *[1] * (coded.ndim - 1))


MEASURES: Final = Channels(
    {"area_um2": 600.0, "dry_mass_pg": 200.0, "max_opd_nm": 100.0, "major_axis_um": 40.0},
    logarithmic=True,
)
# Between two frames: before they are divided by the time, rates are changes.
CHANGES: Final = Channels(
    {
        "displacement_y_um": 5.0, "displacement_x_um": 5.0, "elongation_um_per_h": 5.0,
        "growth_pg_per_h": 20.0,
    },
    logarithmic=False,
)  # fmt: skip
CHANNELS: Final = {"quantify": MEASURES, "change": CHANGES}
METRICS: Final = MEASURES.metrics


def targets(
    points_px: NDArray[np.floating[Any]],
    values: NDArray[np.floating[Any]],
    shape: tuple[int, int],
    channels: Channels = MEASURES,
) -> NDArray[np.float32]:
    """What the network should draw of some cells: detection, and coded measurements on discs.

    Parameters
    ----------
    points_px : ndarray, shape (n, 2)
        Centroids (row, column; px).
    values : ndarray, shape (n, metric)
        Measurements, in the order of `channels`.
    shape : (int, int)
        Of the image.
    channels : Channels
        How they are coded.

    Returns
    -------
    ndarray, shape (1 + metric, y, x), float32
        The first between 0 and 1, a spot on each cell; the others NaN beside the discs.
    """
    table = np.vstack([channels.coded(values), np.full((1, len(channels.scale)), np.nan)])
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
