"""One full frame, 3840 x 2748 px in three colours: seconds, memory, tiles against the whole.

The bare FFTs that the iterations need are timed in the same run. Each measurement of memory is a
process of its own. `--quick` uses a quarter of the frame.
"""

from __future__ import annotations

import multiprocessing
import resource
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from _harness import Row, arguments, report, row
from _seeds import TEST

from lensfree_nb.evaluate.pairing import pair
from lensfree_nb.optics.propagation import fast_shape, fringe_halo_px
from lensfree_nb.quantify.cells import cells
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.acquisition import PAPER_SETUP, acquire
from lensfree_nb.simulate.culture import culture

ITERATIONS = 20
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
    ds = acquire(table, shape, rng=rng, oversampling=1, lines=3)
    return ds.assign_coords(distance=1000.0)


def timed(ds: xr.Dataset, tile_px: int | None) -> tuple[xr.Dataset, float, float, float]:
    """Reconstruct in a process of its own: the result, seconds, peak memory and its rise (GB)."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(False)
    process = context.Process(target=work, args=(send, ds, tile_px))
    process.start()
    opd, *figures = receive.recv()
    process.join()
    return xr.Dataset({"opd": (("y", "x"), opd, {"units": "nm"})}, attrs=ds.attrs), *figures


def work(send: Connection, ds: xr.Dataset, tile_px: int | None) -> None:
    """What runs in the process of its own."""
    reconstruct(ds.isel(y=slice(0, 64), x=slice(0, 64)), iterations=1)  # imports are not timed
    before = resident_gb()
    watch = Watch()
    watch.start()
    start = time.perf_counter()
    found = reconstruct(ds, iterations=ITERATIONS, tile_px=tile_px)
    seconds = time.perf_counter() - start
    watch.over.set()
    watch.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    send.send((found["opd"].values, seconds, peak / 1e6, watch.highest - before))


class Watch(threading.Thread):
    """Looks every 20 ms at how much memory the process holds, and keeps the highest."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.highest, self.over = 0.0, threading.Event()

    def run(self) -> None:
        """What the thread does until told that it is over."""
        while not self.over.wait(0.02):
            self.highest = max(self.highest, resident_gb())


def resident_gb() -> float:
    """Memory that this process holds now (GB)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e9


def bare_ffts(shape: tuple[int, int]) -> float:
    """Seconds of the FFTs of one run: four an exposure and iteration."""
    padded = fast_shape(shape, fringe_halo_px(PAPER_SETUP))
    field = torch.randn(padded, dtype=torch.complex64)
    torch.fft.fft2(field)
    start = time.perf_counter()
    for _ in range(6):
        torch.fft.fft2(field)
    one = (time.perf_counter() - start) / 6
    return one * PAPER_SETUP.exposures * 4 * ITERATIONS


def same_cells(whole: pd.DataFrame, tiled: pd.DataFrame) -> tuple[float, float]:
    """Share of cells matched, and the largest change of a cell's dry mass (%)."""
    found = pair(tiled, whole)
    mine, theirs = (t["dry_mass_pg"].to_numpy() for t in (tiled, whole))
    change = np.abs(mine[found.estimated] / theirs[found.reference] - 1)
    return found.recall, 100 * float(change.max())


def main(shape: tuple[int, int]) -> list[Row]:
    ds = frame(shape)
    ffts = bare_ffts(shape)
    whole, seconds, peak, rise = timed(ds, None)
    rows = [
        row("whole frame, 20 iterations: time", seconds, "s", "<= 45", SOURCE),
        row("whole frame: peak memory", peak, "GB", "<= 4", SOURCE),
        row("whole frame: of it beyond the loaded frame", rise, "GB", None, SOURCE),
        row("bare FFTs of the same run", ffts, "s", None, SOURCE),
        row("time over bare FFTs", seconds / ffts, "1", "<= 2", SOURCE),
    ]
    reference = cells(whole)
    scale = float((whole["opd"] ** 2).mean() ** 0.5)
    for tile_px in (512, 1024, 2048):
        tiled, seconds, peak, rise = timed(ds, tile_px)
        gap = 100 * float(((tiled["opd"] - whole["opd"]) ** 2).mean() ** 0.5) / scale
        matched, change = same_cells(reference, cells(tiled))
        rows += [
            row(f"tiles of {tile_px} px: OPD against whole", gap, "%", "<= 1", SOURCE),
            row(f"tiles of {tile_px} px: cells matched", 100 * matched, "%", ">= 99.5", SOURCE),
            row(
                f"tiles of {tile_px} px: largest change of a cell's dry mass",
                change,
                "%",
                "<= 1",
                SOURCE,
            ),
            row(f"tiles of {tile_px} px: time", seconds, "s", None, SOURCE),
            row(f"tiles of {tile_px} px: peak memory", peak, "GB", None, SOURCE),
            row(f"tiles of {tile_px} px: of it beyond the loaded frame", rise, "GB", None, SOURCE),
        ]
    options = {"iterations": 2, "tile_px": 1024}
    expected = reconstruct(ds, **options)["opd"].values.tobytes()
    same = [
        reconstruct(ds.chunk(chunks), **options)["opd"].values.tobytes() == expected
        for chunks in CHUNKS
    ]
    rows.append(
        row("dask chunkings with identical bytes", float(sum(same)), "of 4", ">= 4", SOURCE)
    )
    return rows


if __name__ == "__main__":
    args = arguments(__doc__)
    report(main((1374, 1920) if args.quick else (2748, 3840)), args)
