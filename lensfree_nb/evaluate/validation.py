"""A user's own table 1: scores, what is missing, and the paper's rows to hold beside."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.errors import QualityWarning
from lensfree_nb.evaluate.density import BANDS_PER_MM2, DENSITY, compare_by_density
from lensfree_nb.evaluate.pairing import MAX_DISTANCE_UM, Pairing, frames_of, pair
from lensfree_nb.evaluate.paper import paper_table_1
from lensfree_nb.evaluate.report import check_reference, compare_pairs, scored, shares

SHOWN: Final = ("ssim", "r2", "slope", "intercept", "bias_percent", "mad", "n")


@dataclass(frozen=True)
class Validation:
    """How well a table of cells agrees with another; shown as a table in a notebook.

    Parameters
    ----------
    overall : DataFrame
        As of :func:`lensfree_nb.evaluate.report.compare`.
    by_density : DataFrame
        As of :func:`lensfree_nb.evaluate.density.compare_by_density`; empty where the cells tell
        no local density.
    shares : dict
        ``precision`` and ``recall``, 0 to 1.
    pairs : DataFrame
        One row a pair: ``cells`` and ``reference`` (row numbers), where the cell lies (``frame``
        and ``time`` where these are known, ``y_um``, ``x_um``), ``edge``, ``trusted``, whether it
        is ``scored``, and of each metric both values (``METRIC``, ``METRIC_reference``).
    missed, extra : DataFrame
        Rows of the reference that nothing was paired with, and of the cells.
    against : str
        What the reference is.
    include_edge : bool
        Whether cells that touch the frame's border are scored.
    method : str
        What measured the cells, as their table says it; empty where it does not.
    """

    overall: pd.DataFrame
    by_density: pd.DataFrame
    shares: dict[str, float]
    pairs: pd.DataFrame
    missed: pd.DataFrame
    extra: pd.DataFrame
    against: str
    include_edge: bool = False
    method: str = ""

    @property
    def told(self) -> str:
        """Precision and recall in words."""
        return ", ".join(
            f"{name} {100 * share:.1f} %" if np.isfinite(share) else f"no {name}"
            for name, share in self.shares.items()
        )

    @property
    def between(self) -> str:
        """What the cells are held against, and who measured them."""
        return f"Against {self.against}" + (f", cells by {self.method}" if self.method else "")

    @property
    def beside_paper(self) -> pd.DataFrame:
        """Scores in bands of density, and the paper's own at the density nearest to each."""
        if self.by_density.empty:
            return self.by_density
        paper = paper_table_1().reset_index()
        mine = self.by_density[[c for c in SHOWN if c in self.by_density]].reset_index()
        rows = []
        for _, row in mine.iterrows():
            theirs = paper[paper["metric"] == row["metric"]]
            nearest = theirs.loc[(theirs[DENSITY] - row[DENSITY]).abs().idxmin()]
            rows.append({f"paper_{name}": nearest[name] for name in ("r2", "slope", "mad")})
        return mine.join(pd.DataFrame(rows)).set_index(["metric", DENSITY])

    def _repr_html_(self) -> str:
        table = self.overall[[c for c in SHOWN if c in self.overall]].rename(
            index=lambda metric: f"{metric} ({METRIC_UNITS.get(metric, '1')})"
        )
        parts = [
            f"<p>{escape(self.between)}: {self.told}; {len(self.missed)} missed, "
            f"{len(self.extra)} extra.</p>",
            table.to_html(float_format="{:.3g}".format, border=0),
        ]
        if not self.by_density.empty:
            parts += [
                "<p>By the density around each cell; beside it the paper's networks against the "
                "paper's own pipeline (Allier 2022, table 1).</p>",
                self.beside_paper.to_html(float_format="{:.3g}".format, border=0),
            ]
        return "".join(parts)


def validation(
    cells: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    against: str = "the reference",
    max_distance_um: float = MAX_DISTANCE_UM,
    bands_per_mm2: Sequence[float] = BANDS_PER_MM2,
    include_edge: bool = False,
) -> Validation:
    """Score tables in memory.

    Parameters
    ----------
    cells, reference : DataFrame
        With ``y_um, x_um``, metrics, and ``frame`` if there are several.
    against : str
        What the reference is; simulated truth is called simulated.
    max_distance_um, bands_per_mm2, include_edge
        As of :func:`lensfree_nb.evaluate.density.compare_by_density`.

    Warns
    -----
    QualityWarning
        If no cell of either is near one of the other.
    """
    check_reference(reference)
    found = pair(cells, reference, max_distance_um)
    _tell_of_none(cells, reference, found, max_distance_um)
    every = [np.ones(len(table), bool) for table in (cells, reference)]
    overall = compare_pairs(cells, reference, found, *every, include_edge=include_edge)
    both = shares(cells, found, *every, include_edge=include_edge)
    crowding = pd.DataFrame()
    if DENSITY in cells and cells[DENSITY].notna().any() and len(reference):
        crowding = compare_by_density(
            cells, reference, bands_per_mm2=bands_per_mm2, max_distance_um=max_distance_um,
            include_edge=include_edge,
        )  # fmt: skip
    pairs: dict[str, NDArray[Any]] = {"cells": found.estimated, "reference": found.reference}
    for name in ("frame", "time", "y_um", "x_um", "edge", "trusted"):
        if name in cells:
            pairs[name] = cells[name].to_numpy()[found.estimated]
    pairs["scored"] = scored(cells, include_edge=include_edge)[found.estimated]
    for metric in METRIC_UNITS:
        if metric in cells and metric in reference:
            for name, table, rows in (
                (metric, cells, found.estimated),
                (f"{metric}_reference", reference, found.reference),
            ):
                pairs[name] = table[metric].to_numpy(float, na_value=np.nan)[rows]
    missed = ~np.isin(np.arange(len(reference)), found.reference)
    extra = ~np.isin(np.arange(len(cells)), found.estimated)
    return Validation(
        overall, crowding, both, pd.DataFrame(pairs), reference[missed], cells[extra], against,
        include_edge, ", ".join(map(str, pd.unique(cells["method"]))) if "method" in cells else "",
    )  # fmt: skip


def _tell_of_none(
    cells: pd.DataFrame, reference: pd.DataFrame, found: Pairing, max_distance_um: float
) -> None:
    """That nothing is paired, though both have cells in the same frames."""
    frames = frames_of(cells, reference)
    if len(found.estimated) or not np.isin(frames[0], frames[1]).any():
        return
    reach = (
        f"{table[['y_um', 'x_um']].abs().to_numpy(float).max():.3g} um"
        for table in (cells, reference)
    )
    warnings.warn(
        f"no cell is paired: none lies within {max_distance_um:g} um of one of the other table. "
        f"Places reach {' and '.join(reach)}: are both in um, from the same corner?",
        QualityWarning,
        stacklevel=3,
    )
