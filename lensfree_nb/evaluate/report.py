"""The paper's table 1 for any two tables of cells."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.errors import DataError, QualityWarning
from lensfree_nb.evaluate.pairing import MAX_DISTANCE_UM, Pairing, pair
from lensfree_nb.evaluate.regression import agreement
from lensfree_nb.run.tables import in_memory


def compare(
    cells: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    max_distance_um: float = MAX_DISTANCE_UM,
    include_edge: bool = False,
) -> pd.DataFrame:
    """Score a table of cells against a reference, one row a metric.

    Parameters
    ----------
    cells, reference : DataFrame, pandas or dask
        With ``y_um, x_um``, metrics, and ``frame`` if there are several.
    max_distance_um : float
        Farthest a pair may be apart (µm).
    include_edge : bool
        Whether cells that touch the frame's border are scored too: their outline is cut.

    Returns
    -------
    DataFrame
        Index ``metric``; columns ``precision, recall`` and those of
        :class:`lensfree_nb.evaluate.regression.Agreement`. Cells that are not trusted count as
        others do: leave them out before, if that is what you will do with them. Recall counts every
        reference cell, at the border too. Precision leaves out cells cut by the border unless
        ``include_edge``: the visible piece of a cell centred beyond the frame has no partner in the
        reference.

    Raises
    ------
    DataError
        If a metric of the reference is no number, or not above 0.
    """
    cells, reference = in_memory(cells), in_memory(reference)
    check_reference(reference)
    found = pair(cells, reference, max_distance_um)
    every = [np.ones(len(table), bool) for table in (cells, reference)]
    return compare_pairs(cells, reference, found, *every, include_edge=include_edge)


def check_reference(reference: pd.DataFrame) -> None:
    """Refuse references that measure what no cell can, and tell of those that measure nothing.

    Raises
    ------
    DataError
        If a metric of the reference is no number, or not above 0.

    Warns
    -----
    QualityWarning
        If a reference of more than places has no metric: only precision and recall are scored.
    """
    for metric, values in _metrics_of(reference, "the reference").items():
        if count := int((values <= 0).sum()):
            raise DataError(
                f"{count} values of {metric} in the reference are not above 0; leave them out, or "
                "as NaN"
            )
    measuring = set(reference) - {"y_um", "x_um", "frame", "time"}
    if measuring and not measuring & set(METRIC_UNITS):
        warnings.warn(
            f"the reference has none of the columns {', '.join(METRIC_UNITS)}: only precision and "
            "recall are scored",
            QualityWarning,
            stacklevel=3,
        )


def _metrics_of(table: pd.DataFrame, whose: str) -> dict[str, NDArray[np.float64]]:
    found = {}
    for metric in (name for name in METRIC_UNITS if name in table):
        try:
            found[metric] = table[metric].to_numpy(float, na_value=math.nan)
        except (TypeError, ValueError) as error:
            raise DataError(f"{metric} of {whose} is no number ({error})") from error
    return found


def compare_pairs(
    cells: pd.DataFrame,
    reference: pd.DataFrame,
    found: Pairing,
    counted: NDArray[np.bool_],
    counted_reference: NDArray[np.bool_],
    *,
    include_edge: bool = False,
) -> pd.DataFrame:
    """As :func:`compare`, of tables already paired and some of their rows.

    Parameters
    ----------
    cells, reference : DataFrame
        The tables.
    found : Pairing
        Of both.
    counted, counted_reference : ndarray of bool
        Rows of `cells` that precision is taken of, and of `reference` for all else.
    include_edge : bool
        As of :func:`compare`.
    """
    whole = scored(cells, include_edge=include_edge)
    both = shares(cells, found, counted, counted_reference, include_edge=include_edge)
    counts = whole[found.estimated] & counted_reference[found.reference]
    mine = _metrics_of(cells.iloc[found.estimated[counts]], "the cells")
    theirs = _metrics_of(reference.iloc[found.reference[counts]], "the reference")
    rows = {
        metric: {**both, **agreement(values, theirs[metric]).as_dict()}
        for metric, values in mine.items()
        if metric in theirs
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")


def shares(
    cells: pd.DataFrame,
    found: Pairing,
    counted: NDArray[np.bool_],
    counted_reference: NDArray[np.bool_],
    *,
    include_edge: bool = False,
) -> dict[str, float]:
    """Precision and recall (0 to 1; NaN of nothing), which need no metric.

    Parameters
    ----------
    cells, found, counted, counted_reference, include_edge
        As of :func:`compare_pairs`.
    """
    whole = scored(cells, include_edge=include_edge)
    right = np.isin(np.arange(found.n_estimated), found.estimated)[counted & whole]
    seen = np.isin(np.arange(found.n_reference), found.reference)[counted_reference]
    return {
        name: float(part.mean()) if len(part) else math.nan
        for name, part in (("precision", right), ("recall", seen))
    }


def scored(cells: pd.DataFrame, *, include_edge: bool) -> NDArray[np.bool_]:
    """Which cells are scored: those whole, unless others are asked for.

    A cell of which it is not known whether it touches a border counts as whole.

    Raises
    ------
    DataError
        If ``edge`` holds anything else than true and false.
    """
    if "edge" not in cells or include_edge:
        return np.ones(len(cells), bool)
    told = cells["edge"].convert_dtypes()
    if told.isna().all():
        return np.ones(len(cells), bool)
    if not pd.api.types.is_bool_dtype(told):
        raise DataError(f"edge holds {told.dtype}; it must hold True and False, or be left out")
    return ~told.fillna(False).to_numpy(bool)
