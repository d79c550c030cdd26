"""How much of a simulated truth a reconstruction recovers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lensfree_nb.evaluate.regression import mad
from lensfree_nb.evaluate.similarity import rmse, ssim

BORDER_UM, SKIRT_UM = 25.0, 4.0
HALF_WAVE_NM = 265.0
WITHIN = 0.10
EMPTY_NM, FAINT_NM = 0.5, (3.0, 15.0)
LEAST_FAINT = 100


@dataclass(frozen=True)
class Recovery:
    """Scores of one method on one frame or several; NaN where the truth has nothing of the kind.

    ``thin_rmse_nm`` is taken outside of cells above half a wavelength; ``thick``, ``thick_low``
    and ``thick_high`` are shares of cells above 265 nm, of 300-700 and of 700-1000 nm whose
    optical volume comes out within 10 %.
    """

    rmse_nm: float
    thin_rmse_nm: float
    ssim: float
    background_sd_nm: float
    faint_slope: float
    bias_percent: float
    spread_percent: float
    thick: float
    thick_low: float
    thick_high: float
    thick_count: int


@dataclass(frozen=True)
class Truth:
    """True OPD (nm; y, x) and the cells whose centres lie well inside, with their volumes."""

    opd_nm: np.ndarray
    cells: pd.DataFrame
    pixel_um: float

    def inside(self, image: np.ndarray) -> np.ndarray:
        """The part of an image that is scored."""
        edge = round(BORDER_UM / self.pixel_um)
        return image[edge:-edge, edge:-edge]

    def volumes(self, opd_nm: np.ndarray) -> np.ndarray:
        """Sum over a disc around each cell, a little larger than the cell."""
        return np.array([float(opd_nm[disc].sum()) for disc in self._discs()])

    def thick_ground(self) -> np.ndarray:
        """Where a cell above half a wavelength lies."""
        ground = np.zeros(self.opd_nm.shape, bool)
        for disc, high in zip(self._discs(), self.cells["max_opd_nm"], strict=True):
            ground[disc] |= high > HALF_WAVE_NM
        return ground

    def _discs(self) -> list[tuple[np.ndarray, np.ndarray]]:
        found = []
        for y, x, axis in self.cells[["y_um", "x_um", "major_axis_um"]].to_numpy():
            radius = (axis / 2 + SKIRT_UM) / self.pixel_um
            centre = (y / self.pixel_um, x / self.pixel_um)
            low = [max(0, int(c - radius)) for c in centre]
            high = [
                min(n, int(c + radius) + 2) for c, n in zip(centre, self.opd_nm.shape, strict=True)
            ]
            rows, columns = np.mgrid[low[0] : high[0], low[1] : high[1]]
            inside = np.hypot(rows - centre[0], columns - centre[1]) <= radius
            found.append((rows[inside], columns[inside]))
        return found


def truth_of(opd_nm: np.ndarray, cells: pd.DataFrame, pixel_um: float) -> Truth:
    """The truth of a frame; cells near its border are left out."""
    reach = np.array(opd_nm.shape) * pixel_um
    place = cells[["y_um", "x_um"]].to_numpy()
    inside = ((place > BORDER_UM) & (place < reach - BORDER_UM)).all(axis=1)
    return Truth(opd_nm, cells[inside & (cells["kind"] != "debris")], pixel_um)


def recovery(found: list[np.ndarray], truths: list[Truth]) -> Recovery:
    """Scores over all frames together."""
    mine = np.concatenate([t.inside(f).ravel() for f, t in zip(found, truths, strict=True)])
    true = np.concatenate([t.inside(t.opd_nm).ravel() for t in truths])
    thick_ground = np.concatenate([t.inside(t.thick_ground()).ravel() for t in truths])
    likeness = [
        ssim(t.inside(f), t.inside(t.opd_nm), data_range=float(np.ptp(t.opd_nm)))
        for f, t in zip(found, truths, strict=True)
    ]
    volume = np.concatenate([t.volumes(f) for f, t in zip(found, truths, strict=True)])
    right = np.concatenate([t.volumes(t.opd_nm) for t in truths])
    high = np.concatenate([t.cells["max_opd_nm"].to_numpy() for t in truths])
    error = volume / right - 1
    faint = (true > FAINT_NM[0]) & (true < FAINT_NM[1]) & ~thick_ground

    def share(low: float, top: float) -> float:
        chosen = (high > low) & (high <= top)
        return float((np.abs(error[chosen]) <= WITHIN).mean()) if chosen.any() else float("nan")

    return Recovery(
        rmse_nm=rmse(mine, true),
        thin_rmse_nm=rmse(mine[~thick_ground], true[~thick_ground]),
        ssim=float(np.mean(likeness)),
        background_sd_nm=float(mine[(true < EMPTY_NM) & ~thick_ground].std()),
        faint_slope=_slope(true[faint], mine[faint]),
        bias_percent=100 * float(np.median(error)),
        spread_percent=100 * mad(error),
        thick=share(HALF_WAVE_NM, np.inf),
        thick_low=share(300, 700),
        thick_high=share(700, 1000),
        thick_count=int((high > HALF_WAVE_NM).sum()),
    )


def _slope(true: np.ndarray, mine: np.ndarray) -> float:
    """Of a straight line through the points; NaN where they are too few to have one."""
    return float(np.polyfit(true, mine, 1)[0]) if len(true) > LEAST_FAINT else float("nan")
