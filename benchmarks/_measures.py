"""How well a table of cells agrees with another, as rows of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from _harness import Row, row

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.evaluate.pairing import pair
from lensfree_nb.evaluate.report import compare
from lensfree_nb.quantify.measure import local_density
from lensfree_nb.simulate.truth import within

Bars = Mapping[str, str]
TERCILES = ("bias_t1_percent", "bias_t2_percent", "bias_t3_percent")
MAIN, MORE = ("r2", "bias_percent", "mad"), ("slope", "intercept", "mean")
SHARES = ("precision", "recall")
ONE_SIGMA = 0.68


def truth_table(cells: pd.DataFrame, shape: tuple[int, int], pixel_um: float) -> pd.DataFrame:
    """The true cells of a frame, and how crowded it is around each."""
    found = within(cells, shape, pixel_size_um=pixel_um)
    points, extent = found[["y_um", "x_um"]].to_numpy(), [n * pixel_um for n in shape]
    return found.assign(frame=0, density_per_mm2=local_density(points, extent))


def agreement_rows(
    where: str, cells: pd.DataFrame, reference: pd.DataFrame, bars: Mapping[str, Bars], source: str
) -> list[Row]:
    """Precision and recall once, and per metric the scores of the paper and the bias.

    `bars` gives, under ``""`` for precision and recall or a metric's name, what is to be met.
    """
    found = compare(cells, reference)
    own = bars.get("", {})
    rows = [
        row(f"{where}: {name}", float(found[name].iloc[0]), "1", own.get(name), source)
        for name in SHARES
    ]
    for metric, scores in found.iterrows():
        own, unit = bars.get(str(metric), {}), METRIC_UNITS[str(metric)]
        units = {"mad": unit, "intercept": unit, "mean": unit, "bias_percent": "%"}
        rows += [
            row(f"{where}, {metric}: {name}", float(scores[name]), units.get(name, "1"),
                own.get(name), source)
            for name in ("r2", "slope", "intercept", "mean", "mad")
        ]  # fmt: skip
        rows += [
            row(f"{where}, {metric}: abs(bias)", abs(float(scores["bias_percent"])), "%",
                own.get("bias"), source),
            row(f"{where}, {metric}: largest abs(bias) of a tercile",
                max(abs(float(scores[name])) for name in TERCILES), "%", own.get("tercile"),
                source),
        ]  # fmt: skip
    return rows


def error_bar_rows(
    where: str, cells: pd.DataFrame, reference: pd.DataFrame, source: str, *, barred: bool
) -> list[Row]:
    """Share of truths inside one standard error: 68 % are to be."""
    found = pair(cells, reference)
    whole = ~cells["edge"].to_numpy(bool)[found.estimated]
    rows = []
    for metric in METRIC_UNITS:
        mine = cells.iloc[found.estimated[whole]]
        right = reference[metric].to_numpy()[found.reference[whole]]
        error = np.abs(mine[metric].to_numpy() - right)
        told = np.isfinite(mine[f"{metric}_se"].to_numpy())
        share = float((error <= mine[f"{metric}_se"].to_numpy())[told].mean())
        rows += [
            row(f"{where}, {metric}: truths inside one standard error", 100 * share, "%", None,
                source),
            row(f"{where}, {metric}: off 68 %", abs(100 * (share - ONE_SIGMA)), "%",
                "<= 3" if barred else None, source),
        ]  # fmt: skip
    return rows
