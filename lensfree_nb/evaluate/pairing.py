"""Which estimated cell is which reference cell."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from lensfree_nb.checks import check_number
from lensfree_nb.errors import DimensionError, QualityWarning

MAX_DISTANCE_UM = 10.0


@dataclass(frozen=True, slots=True)
class Pairing:
    """Row numbers of paired cells, and how many there were.

    Parameters
    ----------
    estimated, reference : ndarray of int
        Row numbers of the pairs in either table.
    n_estimated, n_reference : int
        Rows of either table.
    """

    estimated: NDArray[np.intp]
    reference: NDArray[np.intp]
    n_estimated: int
    n_reference: int

    @property
    def precision(self) -> float:
        """Share of the estimated cells that are real; NaN without any."""
        return len(self.estimated) / self.n_estimated if self.n_estimated else float("nan")

    @property
    def recall(self) -> float:
        """Share of the real cells that were found; NaN without any."""
        return len(self.reference) / self.n_reference if self.n_reference else float("nan")


def pair(
    estimated: pd.DataFrame, reference: pd.DataFrame, max_distance_um: float = MAX_DISTANCE_UM
) -> Pairing:
    """Pair the cells of two tables, frame by frame, by optimal assignment.

    Frames are the same where their times are; tables that share no time go by their number. A
    table without ``frame`` is of the one frame that the other holds.

    Parameters
    ----------
    estimated, reference : DataFrame
        With ``y_um, x_um`` and, for more than one frame, ``frame``.
    max_distance_um : float
        Farthest a pair may be apart (10 µm in Allier 2022 §2.4).

    Raises
    ------
    DimensionError
        If a table has no positions, or some that are no finite numbers; if its times are no
        moments or its frames no numbers, or it has no frames where the other has several.
    ParameterError
        If the distance is not above 0.

    Warns
    -----
    QualityWarning
        If no frame is in both tables.

    Examples
    --------
    >>> a = pd.DataFrame({"y_um": [0.0, 50.0], "x_um": [0.0, 50.0]})
    >>> b = pd.DataFrame({"y_um": [51.0, 90.0], "x_um": [50.0, 90.0]})
    >>> found = pair(a, b)
    >>> found.estimated, found.reference, found.precision
    (array([1]), array([0]), 0.5)
    """
    check_number("max_distance_um", max_distance_um, open_low=True)
    points = [_points_of(table) for table in (estimated, reference)]
    frames = frames_of(estimated, reference)
    if len(estimated) and len(reference) and not np.isin(frames[0], frames[1]).any():
        warnings.warn(
            f"no cell is paired: the frames of one table ({_some(frames[0])}) are not those of the "
            f"other ({_some(frames[1])}); give both the same times, or number them alike, from 0",
            QualityWarning,
            stacklevel=2,
        )
    left: list[NDArray[np.intp]] = []
    right: list[NDArray[np.intp]] = []
    for frame in np.intersect1d(frames[0], frames[1]):
        mine, theirs = (np.flatnonzero(f == frame) for f in frames)
        i, j = _assigned(points[0][mine], points[1][theirs], max_distance_um)
        left.append(mine[i])
        right.append(theirs[j])
    empty = np.empty(0, np.intp)
    return Pairing(
        np.concatenate([empty, *left]),
        np.concatenate([empty, *right]),
        len(estimated),
        len(reference),
    )


def _points_of(table: pd.DataFrame) -> NDArray[np.float64]:
    """Where the cells lie (n, 2)."""
    if missing := [name for name in ("y_um", "x_um") if name not in table]:
        raise DimensionError(f"a table has no column {', '.join(missing)}")
    try:
        points = table[["y_um", "x_um"]].to_numpy(float)
    except (TypeError, ValueError) as error:
        raise DimensionError(f"y_um or x_um of a table are no numbers ({error})") from error
    if unknown := int((~np.isfinite(points)).any(axis=1).sum()):
        raise DimensionError(
            f"{unknown} rows of a table have no finite y_um and x_um; leave them out"
        )
    return points


def frames_of(estimated: pd.DataFrame, reference: pd.DataFrame) -> list[NDArray[Any]]:
    """What tells the frame of each row: its time where the tables share times, else its number.

    Raises
    ------
    DimensionError
        If times are no moments or frames no numbers, or a table has no frames where the other has
        several.
    """
    tables = (estimated, reference)
    if all("time" in t and t["time"].notna().all() for t in tables):
        times = [_moments_of(t["time"]) for t in tables]
        if np.isin(times[0], times[1]).any():
            return times
    numbered = [_numbers_of(t["frame"]) for t in tables if "frame" in t]
    if len(numbered) == len(tables):
        return numbered
    if any(len(np.unique(numbers)) > 1 for numbers in numbered):
        raise DimensionError(
            "one of the tables holds several frames, the other has no column 'frame'; give it one"
        )
    return [np.zeros(len(t)) for t in tables]


def _some(frames: NDArray[Any]) -> str:
    """The first few, to be told apart by."""
    each = np.unique(frames)
    return ", ".join(map(str, each[:3])) + (", ..." if len(each) > 3 else "")


def _numbers_of(frames: pd.Series[Any]) -> NDArray[np.float64]:
    try:
        numbers = frames.to_numpy(float, na_value=math.nan)
    except (TypeError, ValueError) as error:
        raise DimensionError(f"the frames of a table are no numbers ({error})") from error
    if np.isnan(numbers).any():
        raise DimensionError("of some cells of a table the frame is not known; leave them out")
    return numbers


def _moments_of(times: pd.Series[Any]) -> NDArray[np.datetime64]:
    try:
        return pd.to_datetime(times).to_numpy("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise DimensionError(f"the times of a table are no moments ({error})") from error


def _assigned(
    a: NDArray[Any], b: NDArray[Any], reach: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Most pairs within reach, and of those the nearest; group by group of points in reach."""
    if not len(a) or not len(b):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    near = cKDTree(a).sparse_distance_matrix(cKDTree(b), reach, output_type="coo_matrix")
    i, j, apart = near.row, near.col, near.data
    links = coo_array((np.ones(len(i)), (i, len(a) + j)), shape=(len(a) + len(b),) * 2)
    groups = connected_components(links, directed=False)[1]
    order = np.argsort(groups[i], kind="stable")
    found = [
        _optimal(i[part], j[part], apart[part], reach)
        for part in np.split(order, np.flatnonzero(np.diff(groups[i][order])) + 1)
        if len(part)
    ]
    pairs = np.concatenate([np.empty((0, 2), np.intp), *found])
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    return pairs[:, 0], pairs[:, 1]


def _optimal(
    i: NDArray[Any], j: NDArray[Any], apart: NDArray[Any], reach: float
) -> NDArray[np.intp]:
    """Optimal pairs (n, 2) among one group's candidates."""
    rows, row = np.unique(i, return_inverse=True)
    columns, column = np.unique(j, return_inverse=True)
    # What is too far apart costs more than any number of allowed pairs together.
    forbidden = reach * (1 + len(rows) * len(columns))
    cost = np.full((len(rows), len(columns)), forbidden)
    cost[row, column] = apart
    r, c = linear_sum_assignment(cost)
    allowed = cost[r, c] < forbidden
    return np.stack([rows[r[allowed]], columns[c[allowed]]], axis=1)
