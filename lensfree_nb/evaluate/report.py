"""The paper's table 1 for any two tables of cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.evaluate.pairing import MAX_DISTANCE_UM, pair
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
        :class:`lensfree_nb.evaluate.regression.Agreement`. Recall counts every reference cell, at
        the border too. Precision leaves out cells cut by the border unless ``include_edge``: the
        visible piece of a cell centred beyond the frame has no partner in the reference.
    """
    cells, reference = in_memory(cells), in_memory(reference)
    found = pair(cells, reference, max_distance_um)
    counted = np.ones(len(cells), bool)
    if "edge" in cells and not include_edge:
        counted = ~cells["edge"].to_numpy(bool)
    precision = (
        np.isin(np.flatnonzero(counted), found.estimated).mean() if counted.any() else np.nan
    )
    mine = cells.iloc[found.estimated].reset_index(drop=True)
    theirs = reference.iloc[found.reference].reset_index(drop=True)
    whole = counted[found.estimated]
    mine, theirs = mine[whole], theirs[whole]
    rows = {
        metric: {
            "precision": float(precision),
            "recall": found.recall,
            **agreement(mine[metric], theirs[metric]).as_dict(),
        }
        for metric in METRIC_UNITS
        if metric in mine and metric in theirs
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")
