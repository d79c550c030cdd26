"""Seven versions of one image, as in Allier 2022: what noise and a slow background cost.

A simulated frame is reconstructed once; noise is white, a background of some amplitude has the
standard deviation of a wave of that amplitude. The paper's networks A (trained on clean images) and
B (on degraded ones) are held against the standard pipeline on the clean image, the default network
against the truth. `--quick` takes a small field.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from _harness import Row, arguments, report
from _measures import agreement_rows, truth_table
from _scenes import PIXEL_UM, opened
from _seeds import TEST
from scipy.ndimage import gaussian_filter

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.nets.registry import shipped
from lensfree_nb.quantify.cells import cells as cells_of
from lensfree_nb.quantify.quantify import quantify
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture

SOURCE = "simulated; python benchmarks/image_quality.py"
# Noise (nm, SD) and background (nm, amplitude) of Allier 2022, figure 9.
VERSIONS_NM = ((0, 0), (10, 0), (20, 0), (0, 15), (0, 30), (10, 15), (20, 30))
SLOW_PX, DENSITY_PER_MM2, MARGIN_UM = 60, 255.0, 165.0
FRAME_PX, SMALL_PX = (2748, 3840), (384, 512)
DEFAULT, PAPER = "measure", ("paper-mass-a", "paper-mass-b")
BARS = {metric: {"r2": ">= 0.9", "bias": "<= 5"} for metric in METRIC_UNITS}


def degraded(
    rec: xr.Dataset, noise_nm: float, background_nm: float, rng: np.random.Generator
) -> xr.Dataset:
    """The OPD with noise, and with a background that varies over 100 µm."""
    shape = rec["opd"].shape
    slow = gaussian_filter(rng.standard_normal(shape), SLOW_PX, mode="wrap")
    slow *= background_nm / 2**0.5 / slow.std()
    worse = rec["opd"] + noise_nm * rng.standard_normal(shape) + slow
    return rec.assign(opd=worse.astype("float32").assign_attrs(rec["opd"].attrs))


def main(quick: bool, device: str) -> list[Row]:
    rng = np.random.default_rng(TEST["image_quality"])
    shape = SMALL_PX if quick else FRAME_PX
    drawn = culture(shape, DENSITY_PER_MM2, rng=rng, margin_um=MARGIN_UM)
    ds = opened(acquire(drawn, shape, rng=rng, instrument="paper"), "paper")
    rec = reconstruct(ds, "accelerated", device=device)
    truth, pipeline = truth_table(drawn, shape, PIXEL_UM), cells_of(rec, method="standard")
    rows: list[Row] = []
    for noise_nm, background_nm in VERSIONS_NM:
        worse = degraded(rec, noise_nm, background_nm, rng)
        where = f"noise {noise_nm} nm, background {background_nm} nm"
        found = cells_of(quantify(worse, DEFAULT, device=device))
        rows += agreement_rows(f"{where}, {DEFAULT} against truth", found, truth, BARS, SOURCE)
        standard = cells_of(worse, method="standard")
        rows += agreement_rows(f"{where}, standard against truth", standard, truth, {}, SOURCE)
        for name in PAPER:
            if name in shipped():
                found = cells_of(quantify(worse, name, device=device))
                label = f"{where}, {name} against the pipeline on the clean image"
                rows += agreement_rows(label, found, pipeline, {}, SOURCE)
        print(where, "done", flush=True)
    return rows


if __name__ == "__main__":
    args = arguments(__doc__)
    report(main(args.quick, args.device), args)
