"""What the networks that measure draw, and what it means.

One detection channel (a logit), and for each metric two: the measurement, coded, and the logarithm
of its standard error in the same code. Only on a cell's disc do the latter mean anything.

And of each pixel, at each moment that they see, where the centroid of its cell lies (at the first
moment), whether it is inside that cell's outline, and the OPD of that cell alone. A measurement is
what the pixels of a cell add up to (``quantify.gathering``), as far as a further channel for each
metric trusts it, and what the network says beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.quantify.representation import NOBODY, owners

SPOT_PX: Final = 2.0
SPOT_REACH: Final = 4
LOG_SE: Final = (-5.0, 1.0)
# Images of cells' own pixels, of each layer at each moment.
GROUND: Final = 4
STEP_PX: Final = 10.0


@dataclass(frozen=True)
class Channels:
    """How measurements are coded for a network.

    Parameters
    ----------
    scale : mapping of str to float
        Of each metric, in its unit: what a network calls 0 where numbers are logarithmic, else 1.
    logarithmic : bool
        Whether a measurement is coded by its logarithm: relative errors count.
    moments, layers : int
        How many images cells' own pixels are drawn of, and how many cells there may be at a pixel.
    """

    scale: Mapping[str, float]
    logarithmic: bool
    moments: int = 1
    layers: int = 1

    @property
    def metrics(self) -> tuple[str, ...]:
        """In the order of the channels."""
        return tuple(self.scale)

    @property
    def on_discs(self) -> int:
        """How many of the images mean something on discs: all but those of the cells' pixels."""
        return 1 + 3 * len(self.scale)

    @property
    def log_se(self) -> range:
        """Which images are those of the standard errors."""
        return range(1 + len(self.scale), 1 + 2 * len(self.scale))

    @property
    def outputs(self) -> int:
        """How many images a network draws."""
        return self.on_discs + self.ground

    @property
    def ground(self) -> int:
        """How many of the images, the last ones, are those of cells' own pixels.

        Of the lowest layer first: of all moments the steps to the centroid along y and x (10 px);
        then of all a logit of the outline; then of all the cell's own OPD (100 nm).
        """
        return GROUND * self.moments * self.layers

    @property
    def vectors(self) -> tuple[int, ...]:
        """Of the targets, the first of each pair (along y, along x) that turns with the image."""
        names = list(self.scale)
        own = [1 + k for k, name in enumerate(names) if name.startswith("displacement_y")]
        first = range(1 + len(names), 1 + len(names) + self.ground, GROUND * self.moments)
        return (*own, *(at + 2 * moment for at in first for moment in range(self.moments)))

    def parted(self, ground: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Steps, outline and own OPD of each layer, the highest first, of the last images.

        Parameters
        ----------
        ground : Tensor, shape (..., self.ground, y, x)
            As drawn, or as it should be.

        Returns
        -------
        list of (Tensor, Tensor, Tensor)
            Shapes (..., moment * 2, y, x), (..., moment, y, x) and (..., moment, y, x).
        """
        found = []
        for layer in reversed(range(self.layers)):
            start = GROUND * self.moments * layer
            ends = (start + part * self.moments for part in (0, 2, 3, 4))
            steps, inside, own = (ground[..., a:b, :, :] for a, b in pairwise(ends))
            found.append((steps, inside, own))
        return found

    def coded(self, values: Tensor) -> Tensor:
        """Measurements (metric, ...) in their units, as a network knows them."""
        relative = values / self._scale_like(values)
        return relative.log() if self.logarithmic else relative

    def decoded(self, coded: Tensor, log_se: Tensor) -> tuple[Tensor, Tensor]:
        """Measurements in their units, and their standard errors, of what a network calls them.

        Parameters
        ----------
        coded, log_se : Tensor, shape (metric, ...)
            Of cells (``quantify.reading.at_cells``).
        """
        values, error = self.valued(coded), log_se.clamp(*LOG_SE).exp()
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
    layers=2,
)
# Between two frames: before they are divided by the time, rates are changes.
CHANGES: Final = Channels(
    {
        "displacement_y_um": 5.0, "displacement_x_um": 5.0, "elongation_um_per_h": 5.0,
        "growth_pg_per_h": 20.0,
    },
    logarithmic=False,
    moments=2,
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
    ndarray, shape (1 + metric + ground, y, x), float32
        The first between 0 and 1, a spot on each cell; those of metrics NaN beside the discs; the
        others all NaN: whose pixels are whose is not known from points.
    """
    metrics = len(channels.scale)
    coded = channels.coded(torch.from_numpy(np.asarray(values, float).reshape(-1, metrics).T))
    table = np.vstack([coded.numpy().T, np.full((1, metrics), np.nan)])
    discs = np.moveaxis(table[owners(points_px, shape)], -1, 0)
    unknown = np.full((channels.ground, *shape), np.nan)
    return np.concatenate([spots(points_px, shape)[None], discs, unknown]).astype(np.float32)


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
