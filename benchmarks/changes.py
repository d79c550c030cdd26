"""What becomes of cells between two frames: one network on both, against the pipeline on each.

A simulated living culture, ten minutes and an hour apart. The standard pipeline measures either
frame, and what it calls a cell in both is paired by place; its rates are differences. The network
`change` is taken where it comes with the package. `--quick` takes a small field.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from _harness import Row, arguments, report, row
from _scenes import PIXEL_UM, opened
from _seeds import TEST

from lensfree_nb.contract import CHANGE_UNITS
from lensfree_nb.evaluate.pairing import pair
from lensfree_nb.evaluate.regression import agreement
from lensfree_nb.nets.registry import shipped
from lensfree_nb.quantify.cells import cells as cells_of
from lensfree_nb.quantify.changes import changes
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.instrument import PRESETS
from lensfree_nb.simulate.lapse import START, TimeLapse
from lensfree_nb.simulate.life import Habits
from lensfree_nb.simulate.truth import within

SOURCE = "simulated; python benchmarks/changes.py"
SIDE_PX, SMALL_PX, DENSITY_PER_MM2, NOISE_NM = 1024, 384, 183.0, 1.2
INTERVALS_MIN, NETWORK, STANDARD = (10.0, 60.0), "change", "standard"
OF_TWO = {
    "displacement_y_um": "y_um", "displacement_x_um": "x_um",
    "elongation_um_per_h": "major_axis_um", "growth_pg_per_h": "dry_mass_pg",
}  # fmt: skip


def rates(now: pd.DataFrame, later: pd.DataFrame, interval_min: float) -> pd.DataFrame:
    """Changes of cells that are the same, row by row."""
    found = now[["y_um", "x_um"]].reset_index(drop=True)
    for name, metric in OF_TWO.items():
        change = later[metric].to_numpy() - now[metric].to_numpy()
        found[name] = change * (60 / interval_min if CHANGE_UNITS[name].endswith("/h") else 1)
    return found


def truth_of(recipe: TimeLapse) -> pd.DataFrame:
    """Of cells on the sensor that did not divide."""
    now, later = (recipe.truth(number).set_index("track") for number in (0, 1))
    now = within(now.reset_index(), recipe.shape, pixel_size_um=PIXEL_UM).set_index("track")
    both = now.index.intersection(later.index)
    return rates(now.loc[both], later.loc[both], recipe.interval_min)


def by_pipeline(ds: xr.Dataset, interval_min: float) -> pd.DataFrame:
    """Cells of either frame, paired by place."""
    now, later = (
        cells_of(ds.isel(time=[number]), method=STANDARD).assign(frame=0) for number in (0, 1)
    )
    found = pair(now, later)
    return rates(now.iloc[found.estimated], later.iloc[found.reference], interval_min)


def scored(where: str, cells: pd.DataFrame, truth: pd.DataFrame) -> list[Row]:
    """Share of cells followed, and how well their changes agree with the truth."""
    found = pair(cells, truth)
    share = len(found.reference) / len(truth)
    rows = [row(f"{where}: share of the cells followed", share, "1", None, SOURCE)]
    for name, unit in CHANGE_UNITS.items():
        mine = cells[name].to_numpy()[found.estimated]
        scores = agreement(mine, truth[name].to_numpy()[found.reference]).as_dict()
        rows += [
            row(f"{where}, {name}: {score}", float(scores[score]), of, None, SOURCE)
            for score, of in (("r2", "1"), ("mad", unit))
        ]
    return rows


def main(quick: bool, device: str) -> list[Row]:
    side = SMALL_PX if quick else SIDE_PX
    rows = []
    for interval_min in INTERVALS_MIN:
        recipe = TimeLapse(
            (side, side), 2, interval_min, DENSITY_PER_MM2, PRESETS["paper"], Habits(),
            TEST["changes"],
        )  # fmt: skip
        raw, truth = [recipe.frame(number, device) for number in (0, 1)], truth_of(recipe)
        times = START + np.array([0, round(interval_min * 60)]).astype("m8[s]")
        rng = np.random.default_rng([TEST["changes"], round(interval_min)])
        true = np.stack([frame["truth_opd"].values for frame in raw])
        noisy = true + rng.normal(0, NOISE_NM, true.shape)
        drawn = [reconstruct(opened(f, "paper"), "accelerated", device=device) for f in raw]
        for how, opd in {
            f"true OPD, {NOISE_NM} nm of noise": noisy,
            "reconstructed": np.stack([frame["opd"].values for frame in drawn]),
        }.items():
            ds = xr.Dataset({"opd": (("time", "y", "x"), opd.astype(np.float32), {"units": "nm"})})
            ds = ds.assign_coords(time=times).assign_attrs(pixel_size_um=PIXEL_UM)
            where = f"{interval_min:g} min, {how}"
            rows += scored(f"{where}, {STANDARD}", by_pipeline(ds, interval_min), truth)
            if NETWORK in shipped():
                found = cells_of(changes(ds, NETWORK, device=device))
                rows += scored(f"{where}, {NETWORK}", found, truth)
            print(where, "done", flush=True)
    return rows


if __name__ == "__main__":
    args = arguments(__doc__)
    report(main(args.quick, args.device), args)
