"""Real cells through the line: HL60 cells from all sides, red blood cells, living plankton.

HL60 cells were measured by another instrument; their holograms are simulated, so what they weigh is
known, and one cell must weigh the same from every side. Red cells and plankton are real holograms
of one colour without a known truth: the network is held against the standard pipeline. The lateral
scale of the red cells is not stated; they are measured as if a pixel were 1.67 µm.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from _harness import Row, arguments, data_folder, report, row
from _measures import agreement_rows, truth_table
from _scenes import MARGIN_UM, PIXEL_UM, hl60, opened
from _seeds import TEST
from scipy.io import loadmat

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.evaluate.pairing import pair
from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.quantify.cells import cells as cells_of
from lensfree_nb.quantify.quantify import quantify
from lensfree_nb.reconstruct.find_distance import find_distance
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture

SOURCE = "real cells in simulated holograms; python benchmarks/real_cells.py"
REAL = "real; python benchmarks/real_cells.py"
DENSITY_PER_MM2, SIDE_PX, SMALL_PX = 150.0, 1024, 384
VIEWS, FEW_VIEWS = 70, 10
DEFAULT, STANDARD = "measure", "standard"
RED_CELLS = "holograms/beads_and_red_blood_cells/red_blood_cell"
RED_DISTANCE_UM, RED_PIXEL_UM = 24_250.0, 6.5
PLANKTON = "holograms/plankton_lensfree/fig1_data.npy"


def by_both(rec: xr.Dataset, device: str) -> dict[str, pd.DataFrame]:
    """The cells of the standard pipeline and of the default network."""
    measured = quantify(rec, DEFAULT, device=device)
    return {STANDARD: cells_of(rec, method="standard"), DEFAULT: cells_of(measured)}


def from_all_sides(quick: bool, device: str) -> list[Row]:
    """One cell's views, anywhere in a dish and turned at random."""
    rng = np.random.default_rng(TEST["real_cells"])
    bank = hl60(FEW_VIEWS if quick else VIEWS)
    shape = (SMALL_PX, SMALL_PX) if quick else (SIDE_PX, SIDE_PX)
    drawn = culture(
        shape, DENSITY_PER_MM2, rng=rng, kinds={"measured": 1.0}, margin_um=MARGIN_UM,
        measured_cells=bank, contact=0.0, piled=0.0,
    )  # fmt: skip
    ds = opened(acquire(drawn, shape, rng=rng, instrument="paper", measured_cells=bank), "paper")
    truth = truth_table(drawn, shape, PIXEL_UM)
    own = truth["dry_mass_pg"]
    rows = [row("HL60: spread of the true dry mass over the views", spread(own), "%", None, SOURCE)]
    for method in ("accelerated",) if quick else ("reference", "accelerated"):
        for name, cells in by_both(reconstruct(ds, method, device=device), device).items():
            where = f"HL60, {method}, {name}"
            found = pair(cells, truth)
            whole = ~cells["edge"].to_numpy(bool)[found.estimated]
            mass = cells["dry_mass_pg"].to_numpy()[found.estimated[whole]]
            bar = "<= 5" if name == DEFAULT else None
            rows += [
                row(f"{where}: spread of the dry mass", spread(mass), "%", bar, SOURCE),
                row(f"{where}: trusted", float(cells["trusted"].mean()), "1", None, SOURCE),
            ]
            rows += agreement_rows(f"{where} against truth", cells, truth, {}, SOURCE)
    return rows


def spread(values: np.ndarray | pd.Series) -> float:
    """Standard deviation over the mean (%)."""
    return 100 * float(np.std(values) / np.mean(values))


def red_cells(folder: Path, device: str) -> list[Row]:
    found: dict[str, list[pd.DataFrame]] = {STANDARD: [], DEFAULT: []}
    for frame in range(1, 5):
        image = loadmat(folder / RED_CELLS / f"holography_frame{frame}.mat")["holography"]
        ds = acquisition(image[None], wavelength_nm=532.0, pixel_size_um=RED_PIXEL_UM)
        rec = reconstruct(ds.assign_coords(distance=RED_DISTANCE_UM), "inverse", device=device)
        rec = rec.drop_vars(["y", "x"]).assign_attrs(pixel_size_um=PIXEL_UM)
        for name, cells in by_both(rec, device).items():
            found[name].append(cells.assign(frame=frame))
    return beside("red cells", {name: pd.concat(parts) for name, parts in found.items()})


def plankton(folder: Path, device: str) -> list[Row]:
    image = np.load(folder / PLANKTON, allow_pickle=False).astype(np.float32)
    ds = acquisition(image[None], wavelength_nm=633.0, pixel_size_um=3.6, medium_index=1.33)
    ds = find_distance(ds, range_um=(1000.0, 5000.0))
    rec = reconstruct(ds, "inverse", device=device)
    finer = {
        dim: np.arange(0.0, float(rec[dim].max()), PIXEL_UM) for dim in ("y", "x")
    }  # the pixel that the network learned from
    rec = rec[["opd"]].interp(finer).assign_attrs(rec.attrs, pixel_size_um=PIXEL_UM)
    return beside("plankton", by_both(rec, device))


def beside(where: str, found: dict[str, pd.DataFrame]) -> list[Row]:
    """What the network finds, held against the standard pipeline."""
    rows = []
    for name, cells in found.items():
        rows.append(row(f"{where}, {name}: cells", float(len(cells)), "1", None, REAL))
        rows += [
            row(f"{where}, {name}, {metric}: median", float(cells[metric].median()), unit, None,
                REAL)
            for metric, unit in METRIC_UNITS.items()
        ]  # fmt: skip
    trusted = float(found[DEFAULT]["trusted"].mean())
    rows.append(row(f"{where}, {DEFAULT}: trusted", trusted, "1", None, REAL))
    label = f"{where}, {DEFAULT} against the pipeline"
    return rows + agreement_rows(label, found[DEFAULT], found[STANDARD], {}, REAL)


if __name__ == "__main__":
    args = arguments(__doc__)
    folder = data_folder()
    rows = from_all_sides(args.quick, args.device)
    rows += red_cells(folder, args.device)
    if not args.quick:
        rows += plankton(folder, args.device)
    report(rows, args)
