"""How fast cells are measured: the standard pipeline and networks on one full frame, side by side.

From OPD in memory to the table, local maxima and all. A network of the paper's kind that does not
come with the package is taken untrained: it costs the same, but finds no cells of its own, so the
cells of the truth are counted for it. `--quick` takes a sixteenth of the frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import xarray as xr
from _harness import Row, arguments, report, row
from _scenes import PIXEL_UM
from _seeds import TEST

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.nets.registry import ModelSpec, build_network, find_model, save_network, shipped
from lensfree_nb.quantify.cells import cells as cells_of
from lensfree_nb.quantify.quantify import quantify
from lensfree_nb.run.devices import choose_device
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.render import Field, draw
from lensfree_nb.simulate.truth import within

SOURCE = "simulated; python benchmarks/speed.py"
FRAME_PX, SMALL_PX = (2748, 3840), (687, 960)
DENSITY_PER_MM2, NOISE_NM, ROUNDS = 255.0, 1.2, 3
FOUR = {
    "area_um2": "paper-area", "dry_mass_pg": "paper-mass-a", "max_opd_nm": "paper-max-opd",
    "major_axis_um": "paper-major-axis",
}  # fmt: skip
TWO, DEFAULT = "paper-mass-area", "measure"


def frame(shape: tuple[int, int]) -> tuple[xr.Dataset, int]:
    """OPD as a good reconstruction would leave it, and how many cells it shows."""
    rng = np.random.default_rng(TEST["speed"])
    drawn = culture(shape, DENSITY_PER_MM2, rng=rng)
    opd = draw(drawn, Field(shape, PIXEL_UM))[0].numpy()
    noisy = (opd + rng.normal(0, NOISE_NM, shape)).astype(np.float32)
    ds = xr.Dataset({"opd": (("y", "x"), noisy, {"units": "nm"})})
    return ds.assign_attrs(pixel_size_um=PIXEL_UM), len(within(drawn, shape))


def network(name: str, metrics: list[str], folder: Path) -> ModelSpec:
    """That of the package, or an untrained one as large."""
    if name in shipped():
        return find_model(name)
    options = {
        "kind": "plain", "features": 32, "layers": 20, "inputs": 1, "outputs": len(metrics),
        "task": "represent", "metrics": metrics,
    }  # fmt: skip
    return save_network(build_network(options), options, folder / f"{name}.safetensors")


def contestants(ds: xr.Dataset, device: str, folder: Path) -> dict[str, Callable[[], list]]:
    """What is timed: each gives its tables."""

    def by(*specs: ModelSpec | str) -> Callable[[], list[pd.DataFrame]]:
        return lambda: [cells_of(quantify(ds, spec, device=device)) for spec in specs]

    four = [network(name, [metric], folder) for metric, name in FOUR.items()]
    two = network(TWO, ["dry_mass_pg", "area_um2"], folder)
    return {
        "standard pipeline, four metrics": lambda: [cells_of(ds, method="standard")],
        "default network, four metrics": by(DEFAULT),
        "paper's networks, one a metric, four metrics": by(*four),
        "paper's network, two metrics": by(two),
    }


def main(quick: bool, device: str) -> list[Row]:
    ds, count = frame(SMALL_PX if quick else FRAME_PX)
    on = choose_device(device).type
    rows = [row("cells in the frame", float(count), "1", None, SOURCE)]
    seconds: dict[str, list[float]] = {}
    with TemporaryDirectory() as folder:
        chosen = contestants(ds, device, Path(folder))
        for again in range(ROUNDS + 1):
            for name, work in chosen.items():
                start = time.perf_counter()
                work()
                if again:  # the first round loads and warms up
                    seconds.setdefault(name, []).append(time.perf_counter() - start)
    taken = {name: median(values) for name, values in seconds.items()}
    for name, value in taken.items():
        metrics = 2 if "two metrics" in name else len(METRIC_UNITS)
        mine = name.startswith("default")
        rows += [
            row(f"{name}: time a frame", value, "s",
                "<= 15" if mine and on == "cpu" else None, SOURCE),
            row(f"{name}: measurements a second", count * metrics / value, "1/s",
                ">= 500000" if mine and on == "cuda" else None, SOURCE),
        ]  # fmt: skip
    first, second = list(taken.values())[:2]
    return [
        *rows,
        row("default network over standard pipeline: time", second / first, "1", "<= 1", SOURCE),
    ]


if __name__ == "__main__":
    args = arguments(__doc__)
    report(main(args.quick, args.device), args)
