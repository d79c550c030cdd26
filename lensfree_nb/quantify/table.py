"""The table of cells: its columns, and what every method completes it with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.quantify.measure import local_density

COLUMNS = {
    "time": "datetime64[ns]",
    "frame": "int64",
    "cell": "int64",
    "y_um": "float64",
    "x_um": "float64",
    "area_um2": "float64",
    "dry_mass_pg": "float64",
    "max_opd_nm": "float64",
    "major_axis_um": "float64",
    "density_per_mm2": "float64",
    "edge": "bool",
    "trusted": "bool",
    "method": "str",
}


def completed(
    table: pd.DataFrame,
    *,
    shape: tuple[int, int],
    pixel_size_um: float,
    origin_um: tuple[float, float],
    trusted: NDArray[np.bool_] | None,
    **same: Any,
) -> pd.DataFrame:
    """Measurements with their frame, numbers, density and trust, in the order of ``COLUMNS``.

    Parameters
    ----------
    table : DataFrame
        A row a cell: positions (µm) within the frame, measurements, ``edge`` and ``trusted``.
    shape : (int, int)
        Of the frame (px).
    pixel_size_um : float
        Pixel pitch.
    origin_um : (float, float)
        Where the frame's first pixel lies.
    trusted : ndarray of bool, shape () or (y, x), optional
        Of the frame, or of each of its pixels; not where it is NaN.
    **same
        Columns that are the same for all cells: ``time``, ``frame``, ``method``.
    """
    points = table[["y_um", "x_um"]].to_numpy(float)
    believed = np.broadcast_to(True if trusted is None else trusted, shape)
    at = np.clip(np.round(points / pixel_size_um).astype(int), 0, np.array(shape) - 1)
    table = table.assign(
        **same,
        cell=np.arange(len(table)),
        trusted=table["trusted"].to_numpy(bool) & (np.nan_to_num(believed[tuple(at.T)]) != 0),
        density_per_mm2=local_density(points, [n * pixel_size_um for n in shape]),
        y_um=points[:, 0] + origin_um[0],
        x_um=points[:, 1] + origin_um[1],
    )
    more = [name for name in table.columns if name not in COLUMNS]
    return table[[*COLUMNS, *more]].astype(COLUMNS)
