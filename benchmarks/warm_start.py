"""Starting each frame of a time-lapse from the one before: what it saves, and what it keeps.

A living culture, ten minutes between frames. Cold: every frame starts from nothing, as it does by
default. Warm: every frame starts from the result of the one before (`reconstruct(start=...)`).
"""

from __future__ import annotations

import time

import numpy as np
import xarray as xr
from _harness import Row, arguments, report, row
from _recovery import Recovery, Truth, recovery, truth_of
from _scenes import PIXEL_UM, opened
from _seeds import TEST

from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.lapse import timelapse

SOURCE = "simulated; python benchmarks/warm_start.py"
# Method, and its parameters in frames that start cold and in frames that start warm.
COURSES = {
    "inverse, 100 iterations, 20 warm": ("inverse", {"iterations": 100}, {"iterations": 20}),
    "inverse, 20 iterations": ("inverse", {"iterations": 20}, {"iterations": 20}),
    "accelerated": ("accelerated", {}, {}),
    "accelerated, first inversion of 5": (
        "accelerated", {"first_iterations": 5}, {"first_iterations": 5},
    ),
}  # fmt: skip


def culture_of(size_px: int, frames: int) -> tuple[xr.Dataset, list[Truth]]:
    """The series as a user opens it, and the truth of each frame."""
    raw, tables = timelapse(
        (size_px, size_px), frames=frames, density_per_mm2=255, seed=TEST["warm_start"]
    )
    raw, tables = raw.compute(), tables.compute()
    truths = [
        truth_of(raw["truth_opd"].values[n], tables[tables["frame"] == n], PIXEL_UM)
        for n in range(frames)
    ]
    return opened(raw, "paper"), truths


def course(
    ds: xr.Dataset, method: str, first: dict, later: dict, *, warm: bool, device: str
) -> tuple[list[np.ndarray], float]:
    """OPD of every frame, and seconds a frame but for the first."""
    found = [reconstruct(ds.isel(time=0), method, device=device, **first)]
    start = time.perf_counter()
    for n in range(1, ds.sizes["time"]):
        before = found[-1] if warm else None
        found.append(reconstruct(ds.isel(time=n), method, start=before, device=device, **later))
    seconds = (time.perf_counter() - start) / (ds.sizes["time"] - 1)
    return [made["opd"].values for made in found], seconds


def compared(name: str, ds: xr.Dataset, truths: list[Truth], device: str) -> list[Row]:
    """Errors of both courses, over the last frame, where most could have piled up."""
    method, cold, warm = COURSES[name]
    rows, seconds, scores = [], {}, {}
    for how, later in (("cold", cold), ("warm", warm)):
        opd, seconds[how] = course(ds, method, cold, later, warm=how == "warm", device=device)
        scores[how] = recovery(opd[-1:], truths[-1:])
        rows += lines(f"{name}, {how}, last frame", scores[how])
    ratio = seconds["warm"] / seconds["cold"]
    error = scores["warm"].rmse_nm / scores["cold"].rmse_nm
    return [
        *rows,
        row(f"{name}: time, warm over cold", ratio, "1", None, SOURCE),
        row(f"{name}: RMSE, warm over cold", error, "1", None, SOURCE),
    ]


def lines(where: str, scores: Recovery) -> list[Row]:
    units = {"rmse_nm": "nm", "background_sd_nm": "nm", "bias_percent": "%", "thick": "1"}
    return [row(f"{where}: {n}", getattr(scores, n), u, None, SOURCE) for n, u in units.items()]


if __name__ == "__main__":
    args = arguments(__doc__)
    series, true = culture_of(320 if args.quick else 512, 3 if args.quick else 8)
    report([r for name in COURSES for r in compared(name, series, true, args.device)], args)
