"""One full frame, 3840 x 2748 px in three colours: seconds, memory, tiles against the whole.

The bare FFTs that the iterations need are timed in the same process, before and after it. Each
measurement of memory is a process of its own. `--quick` uses a quarter of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
import pandas as pd
import xarray as xr
from _harness import Row, arguments, report, row
from _one_frame import Measured, Run, measure
from _seeds import TEST

from lensfree_nb.evaluate.pairing import pair
from lensfree_nb.nets.registry import find_model
from lensfree_nb.quantify.cells import cells
from lensfree_nb.reconstruct.alternation import reference
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.run.devices import choose_device
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import PAPER_SETUP, PRESETS

ITERATIONS, RUNS = 20, 3
CHUNKS = (
    {"y": -1, "x": -1},
    {"y": 1024, "x": 1024},
    {"y": 700, "x": 900},
    {"wavelength": 1, "y": 1374},
)
SOURCE = "simulated; python benchmarks/frame.py"


def frame(shape: tuple[int, int]) -> xr.Dataset:
    """A simulated frame at 183 cells/mm², one point a pixel and three lines a colour."""
    rng = np.random.default_rng(TEST["frame"])
    table = culture(shape, rng=rng)
    coarse = replace(PRESETS["plain"], oversampling=1, lines=3)
    ds = acquire(table, shape, rng=rng, instrument=coarse)
    return ds.assign_coords(distance=1000.0)


def opd_of(measured: Measured) -> xr.Dataset:
    """The OPD alone, as the verbs take it."""
    opd = xr.Variable(("y", "x"), measured.opd_nm, {"units": "nm"})
    return xr.Dataset({"opd": opd}, attrs={"pixel_size_um": PAPER_SETUP.pixel_size_um})


def same_cells(whole: pd.DataFrame, tiled: pd.DataFrame) -> tuple[float, float]:
    """Share of cells matched, and the largest change of a cell's dry mass (%)."""
    found = pair(tiled, whole)
    mine, theirs = (t["dry_mass_pg"].to_numpy() for t in (tiled, whole))
    change = np.abs(mine[found.estimated] / theirs[found.reference] - 1)
    return found.recall, 100 * float(change.max())


@dataclass(frozen=True)
class Case:
    """A method on a whole frame, and the bars that it is held to on a processor and on a GPU."""

    name: str
    run: Run
    bars: dict[str, dict[str, str]]


def cases(device: str) -> list[Case]:
    """What is run: the inversion alone and with its network; on a GPU the long one too."""
    base = Run(PAPER_SETUP, "inverse", {"iterations": ITERATIONS}, ITERATIONS, None, device)
    short = Case(
        "20 iterations", base, {"cpu": {"time": "<= 45", "memory": "<= 4", "ratio": "<= 2"}}
    )
    fast = Case(
        "accelerated", replace(base, method="accelerated", parameters={}),
        {"cpu": {"time": "<= 45", "memory": "<= 6"}, "cuda": {"time": "<= 0.3", "memory": "<= 8"}},
    )  # fmt: skip
    stages = reference(find_model("accelerate"))
    before = stages.first.iterations + (stages.passes - 1) * stages.between.iterations
    long = Case(
        "reference",
        replace(fast.run, method="reference", iterations=before + stages.last.iterations),
        {"cuda": {"time": "<= 3", "memory": "<= 8"}},
    )  # fmt: skip
    return [short, fast, long] if choose_device(device).type == "cuda" else [short, fast]


def measured(case: Case, ds: xr.Dataset, device: str) -> list[Row]:
    """Time, memory and floor of a method, and its tiles against the whole."""
    bars = case.bars.get(choose_device(device).type, {})
    # The machine may be shared: of three runs, the one with the median ratio to its own FFTs.
    runs = [measure(ds["hologram"].values, case.run) for _ in range(RUNS)]
    first = sorted(runs, key=lambda m: m.seconds / m.bare_ffts_s)[RUNS // 2]
    ffts, name = first.bare_ffts_s, f"whole frame, {case.name}"
    rows = [
        row(f"{name}: time", first.seconds, "s", bars.get("time"), SOURCE),
        row(f"{name}: peak memory", first.peak_gb, "GB", bars.get("memory"), SOURCE),
        row(f"{name}: of it beyond the loaded frame", first.rise_gb, "GB", None, SOURCE),
        row(f"{name}: bare FFTs of the same run", ffts, "s", None, SOURCE),
        row(f"{name}: share of the time that these FFTs take",
            100 * ffts / first.seconds, "%", None, SOURCE),
        row(f"{name}: time over bare FFTs", first.seconds / ffts, "1", bars.get("ratio"), SOURCE),
        row(f"{name}: time over the memory-bandwidth floor (a copy a transform)",
            first.seconds / first.copies_s, "1", None, SOURCE),
    ]  # fmt: skip
    whole = opd_of(first)
    right = cells(whole)
    scale = float((whole["opd"] ** 2).mean() ** 0.5)
    for tile_px in (512, 1024, 2048):
        again = measure(ds["hologram"].values, replace(case.run, tile_px=tile_px))
        tiled = opd_of(again)
        gap = 100 * float(((tiled["opd"] - whole["opd"]) ** 2).mean() ** 0.5) / scale
        matched, change = same_cells(right, cells(tiled))
        name = f"{case.name}, tiles of {tile_px} px"
        rows += [
            row(f"{name}: OPD against whole", gap, "%", "<= 1", SOURCE),
            row(f"{name}: cells matched", 100 * matched, "%", ">= 99.5", SOURCE),
            row(f"{name}: largest change of a cell's dry mass", change, "%", "<= 1", SOURCE),
            row(f"{name}: time", again.seconds, "s", None, SOURCE),
            row(f"{name}: peak memory", again.peak_gb, "GB", None, SOURCE),
            row(f"{name}: of it beyond the loaded frame", again.rise_gb, "GB", None, SOURCE),
        ]
    return rows


def main(shape: tuple[int, int], device: str) -> list[Row]:
    ds = frame(shape)
    rows = [line for case in cases(device) for line in measured(case, ds, device)]
    return rows + (chunkings(ds, device) if find_spec("dask") else [])


def chunkings(ds: xr.Dataset, device: str) -> list[Row]:
    """Whether the bytes of the result hang on the chunks of the input."""
    rows = []
    for method in ("inverse", "accelerated"):
        options = {"iterations": 2, "tile_px": 1024, "device": device}
        expected = reconstruct(ds, method, **options)["opd"].values.tobytes()
        same = [
            reconstruct(ds.chunk(chunks), method, **options)["opd"].values.tobytes() == expected
            for chunks in CHUNKS
        ]
        name = f"{method}: dask chunkings with identical bytes"
        rows.append(row(name, float(sum(same)), "of 4", ">= 4", SOURCE))
    return rows


if __name__ == "__main__":
    args = arguments(__doc__)
    report(main((1374, 1920) if args.quick else (2748, 3840), args.device), args)
