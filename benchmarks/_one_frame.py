"""Reconstruct one frame in a process of its own, and say how long it took and what it held.

Called by `frame.py`; a child of `multiprocessing` would be taken for one of a pool and get one
core.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from _memory import Watch, resident_gb
from torch import Tensor

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.propagation import fast_shape, fringe_halo_px
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.run.devices import choose_device, working_on

CALLS = 10


@dataclass(frozen=True)
class Run:
    """What is asked of the process; `iterations` are those of all its inversions together."""

    setup: Setup
    method: str
    parameters: dict[str, int]
    iterations: int
    tile_px: int | None
    device: str


@dataclass(frozen=True)
class Measured:
    """What it tells: OPD (nm), seconds, peak memory and its rise over the loaded frame (GB).

    The peak is that of the GPU's memory where one does the work.

    ``bare_ffts_s`` are the seconds of the FFTs that the whole frame needs, and ``copies_s`` those
    of as many copies: what memory itself asks for, each field read and written once a transform.
    Both are timed before and after it, in the same process.
    """

    opd_nm: np.ndarray
    seconds: float
    peak_gb: float
    rise_gb: float
    bare_ffts_s: float
    copies_s: float


def measure(hologram: np.ndarray, run: Run) -> Measured:
    """Start the process and wait for it."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/hologram.npy", hologram)
        Path(folder, "run.json").write_text(json.dumps(asdict(run)))
        subprocess.run([sys.executable, __file__, folder], check=True)
        figures = json.loads(Path(folder, "figures.json").read_text())
        return Measured(np.load(f"{folder}/opd.npy"), **figures)


def work(folder: Path) -> None:
    """What runs in the process of its own."""
    asked = json.loads((folder / "run.json").read_text())
    ds = dataset(np.load(folder / "hologram.npy"), asked["setup"])
    chosen = {"device": asked["device"]}
    # Not the imports, and not the loading of a network.
    reconstruct(ds.isel(y=slice(0, 64), x=slice(0, 64)), asked["method"], **chosen)
    floors = [bare(ds, asked)]
    before = resident_gb()
    watch = Watch()
    watch.start()
    start = time.perf_counter()
    found = reconstruct(
        ds, asked["method"], tile_px=asked["tile_px"], **chosen, **asked["parameters"]
    )
    seconds = time.perf_counter() - start
    watch.over.set()
    watch.join()
    floors.append(bare(ds, asked))
    np.save(folder / "opd.npy", found["opd"].values)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    if choose_device(asked["device"]).type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 1e9
    figures = {"seconds": seconds, "peak_gb": peak, "rise_gb": watch.highest - before}
    figures["bare_ffts_s"], figures["copies_s"] = np.mean(floors, axis=0).tolist()
    (folder / "figures.json").write_text(json.dumps(figures))


def bare(ds: xr.Dataset, asked: dict) -> tuple[float, float]:
    """Seconds of the FFTs of one run on whole frames, four an exposure and iteration; of copies."""
    setup = Setup(**asked["setup"])
    padded = fast_shape((ds.sizes["y"], ds.sizes["x"]), fringe_halo_px(setup))
    count = setup.exposures * 4 * asked["iterations"]
    with working_on(asked["device"]) as device:
        field = torch.randn(padded, dtype=torch.complex64, device=device)
        other = torch.empty_like(field)
        transform, copy = (
            seconds_each(work, device)
            for work in (lambda: torch.fft.fft2(field), lambda: other.copy_(field))
        )
    return transform * count, copy * count


def seconds_each(work: Callable[[], Tensor], device: torch.device) -> float:
    """Of one call in a row of them, the first left out."""
    work()
    start = now(device)
    for _ in range(CALLS):
        work()
    return (now(device) - start) / CALLS


def now(device: torch.device) -> float:
    """The clock, once the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def dataset(hologram: np.ndarray, setup: dict) -> xr.Dataset:
    """The contract's dataset of one normalised frame."""
    names = ("pixel_size_um", "source_diameter_um", "source_distance_mm", "bandwidth_nm")
    return xr.Dataset(
        {"hologram": (("wavelength", "y", "x"), hologram, {"units": "1"})},
        coords={
            "wavelength": ("wavelength", setup["wavelength_nm"], {"units": "nm"}),
            "distance": ("wavelength", setup["distance_um"], {"units": "um"}),
        },
        attrs={name: setup[name] for name in names},
    )


if __name__ == "__main__":
    work(Path(sys.argv[1]))
