"""The line against simulated truth: a fixed culture, its holograms, OPD and cells.

Bars: OPD RMSE <= 2.5 nm and SSIM >= 0.9 in 150 iterations, true OPD of 3-15 nm recovered with
slope 0.9-1.1, precision and recall >= 0.98 and dry-mass bias <= 3 % at 183 cells/mm2.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from _harness import Row, arguments, report, row
from _seeds import TEST

from lensfree_nb.evaluate.pairing import pair
from lensfree_nb.evaluate.report import compare
from lensfree_nb.evaluate.similarity import rmse, ssim
from lensfree_nb.quantify.cells import cells
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import load_culture

BORDER_UM = 25.0
SOURCE = "simulated; python benchmarks/culture.py"


def inside_scores(table: pd.DataFrame, truth: pd.DataFrame, reach: float) -> tuple[float, float]:
    """Precision over cells that do not touch the border, recall over true cells 25 um inside."""
    found = pair(table, truth)
    paired = np.zeros(len(table), bool)
    paired[found.estimated] = True
    hit = np.zeros(len(truth), bool)
    hit[found.reference] = True
    centres = truth[["y_um", "x_um"]]
    inside = ((centres > BORDER_UM) & (centres < reach - BORDER_UM)).all(axis=1).to_numpy()
    return float(paired[~table["edge"].to_numpy()].mean()), float(hit[inside].mean())


def score(name: str, size: int, barred: bool) -> list[Row]:
    truth = load_culture(name).assign(frame=0)
    rng = np.random.default_rng(TEST["culture_noise"])
    ds = acquire(truth, (size, size), rng=rng, instrument="plain")
    ds = ds.assign_coords(distance=ds.attrs["simulated_distance_um"])
    rec = reconstruct(ds, iterations=150)
    opd, true = rec["opd"].values, ds["truth_opd"].values
    reach = size * ds.attrs["pixel_size_um"]
    seen = truth[(truth[["y_um", "x_um"]] < reach).all(axis=1)]
    table = cells(rec)
    scores = compare(table, seen)
    precision, recall = inside_scores(table, truth, reach)
    faint = (true > 3) & (true < 15)
    slope = float(np.polyfit(true[faint], opd[faint], 1)[0])

    def bar(text: str) -> str | None:
        return text if barred else None

    rows = [
        row(f"{name}: OPD RMSE", rmse(opd, true), "nm", bar("<= 2.5"), SOURCE),
        row(
            f"{name}: SSIM (data_range = range of truth)",
            ssim(opd, true, data_range=float(np.ptp(true))),
            "1",
            bar(">= 0.9"),
            SOURCE,
        ),
        row(f"{name}: |slope - 1| of true OPD 3-15 nm", abs(slope - 1), "1", bar("<= 0.1"), SOURCE),
        row(f"{name}: background SD", float(opd[true < 0.5].std()), "nm", None, SOURCE),
        row(f"{name}: precision", precision, "1", bar(">= 0.98"), SOURCE),
        row(f"{name}: recall", recall, "1", bar(">= 0.98"), SOURCE),
    ]
    for metric, found in scores.iterrows():
        limit = bar("<= 3") if metric == "dry_mass_pg" else None
        rows.append(
            row(f"{name}: |bias| of {metric}", abs(found["bias_percent"]), "%", limit, SOURCE)
        )
        rows.append(row(f"{name}: R2 of {metric}", found["r2"], "1", None, SOURCE))
    return rows


if __name__ == "__main__":
    args = arguments(__doc__)
    size = 384 if args.quick else 1024
    report(score("adherent_183", size, True) + score("adherent_183_random", size, False), args)
