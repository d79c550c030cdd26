"""Scores against how crowded it is around each cell, not only against a frame's mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.errors import DimensionError, ParameterError
from lensfree_nb.evaluate.pairing import MAX_DISTANCE_UM, frames_of, pair
from lensfree_nb.evaluate.report import check_reference, compare_pairs
from lensfree_nb.run.tables import in_memory

DENSITY: Final = "density_per_mm2"
# The densities of Allier 2022, table 1, lie one in each.
BANDS_PER_MM2: Final = (0.0, 220.0, 310.0, 440.0, math.inf)


def compare_by_density(
    cells: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    bands_per_mm2: Sequence[float] = BANDS_PER_MM2,
    max_distance_um: float = MAX_DISTANCE_UM,
    include_edge: bool = False,
) -> pd.DataFrame:
    """As :func:`lensfree_nb.evaluate.report.compare`, in bands of local density.

    Parameters
    ----------
    cells, reference : DataFrame, pandas or dask
        As of ``compare``; `cells` with ``density_per_mm2``. A reference cell without one of its
        own has the density of the measured cell next to it.
    bands_per_mm2 : sequence of float
        Ends of the bands, rising.
    max_distance_um, include_edge
        As of ``compare``.

    Returns
    -------
    DataFrame
        Index ``metric`` and ``density_per_mm2`` (the mean over the band's reference cells);
        columns those of ``compare``, and ``from_per_mm2, to_per_mm2``. Bands without a reference
        cell are left out.

    Raises
    ------
    ParameterError
        If the bands do not rise.
    DimensionError
        If `cells` have no local density.
    """
    cells, reference = in_memory(cells), in_memory(reference)
    try:
        ends = [float(end) for end in bands_per_mm2]
    except (TypeError, ValueError) as error:
        raise ParameterError(f"bands_per_mm2: {error}; give two ends or more") from error
    if len(ends) < 2 or any(not low < high for low, high in pairwise(ends)):
        raise ParameterError(f"bands_per_mm2 is {ends}; give two ends or more, each higher")
    if DENSITY not in cells:
        raise DimensionError(f"cells have no column {DENSITY}: ds.lf.cells() gives it")
    check_reference(reference)
    around = cells[DENSITY].to_numpy(float), _around(cells, reference)
    pairs = pair(cells, reference, max_distance_um)
    parts = []
    for low, high in pairwise(ends):
        inside = [(density >= low) & (density < high) for density in around]
        if not inside[1].any():
            continue
        scores = compare_pairs(cells, reference, pairs, *inside, include_edge=include_edge)
        mean = float(around[1][inside[1]].mean())
        parts.append(scores.assign(from_per_mm2=low, to_per_mm2=high, **{DENSITY: mean}))
    if not parts:
        raise DimensionError("no reference cell lies in any of the bands")
    scores = pd.concat(parts).set_index(DENSITY, append=True)
    return scores.reindex([metric for metric in METRIC_UNITS if metric in cells], level=0)


def _around(cells: pd.DataFrame, reference: pd.DataFrame) -> NDArray[np.float64]:
    """Density (per mm²) around each reference cell."""
    known = cells[DENSITY].notna().to_numpy()
    told = reference[DENSITY].to_numpy(float) if DENSITY in reference else np.nan
    found = np.broadcast_to(told, len(reference)).astype(float)
    if not known.any():
        return np.where(np.isnan(found), 0.0, found)
    frames = frames_of(cells, reference)
    cells, frames[0] = cells[known], frames[0][known]
    asked = np.isnan(found)
    for frame in np.unique(frames[1][asked]):
        mine, theirs = frames[0] == frame, (frames[1] == frame) & asked
        # A frame in which nothing was found tells nothing of itself: the nearest of any frame.
        near = cells[mine] if mine.any() else cells
        tree = cKDTree(near[["y_um", "x_um"]].to_numpy(float))
        nearest = tree.query(reference.loc[theirs, ["y_um", "x_um"]].to_numpy(float))[1]
        found[theirs] = near[DENSITY].to_numpy(float)[nearest]
    return found
