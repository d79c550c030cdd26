"""What the numbers of `accelerated` and `reference` were chosen by: scenes of the tuning seed.

The familiar cultures, one of cells as odd as training may hold, and one of rods and amoeboid
cells, which training never holds; the microscope is known to within what calibration finds.
`--network FILE` tells what other weights would do in the two methods as they are. `--quick` takes
a small field of each.
"""

from __future__ import annotations

from argparse import Namespace

import numpy as np
import xarray as xr
from _harness import Row, arguments, report, row
from _recovery import Truth, recovery, truth_of
from _scenes import PIXEL_UM, SCENES, UNSEEN, Scene
from _seeds import TUNE

from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.instrument import PRESETS
from lensfree_nb.train.variety import odder

SOURCE = "simulated, tuning seed; python benchmarks/tuning.py"
PRESET_NAMES = ("paper", "harsh")
DISTANCE_SD_UM, SHIFT_SD_UM = 2.0, 0.04
ODD = Scene("odd cells 250/mm2, 30 % round", 250, {"round": 0.3})
UNLEARNED = Scene("rods and amoeboid cells 250/mm2", 250, {"rod": 0.45, "amoeboid": 0.45})
TUNED_ON = (*(scene for scene in SCENES if scene is not UNSEEN), ODD, UNLEARNED)
METHODS = ("accelerated", "reference")
COURSES = {
    **{f"accelerated, prior {p:g}": {"prior": p} for p in (0.1, 0.3, 1.0)},
    **{f"accelerated, last inversion of {n}": {"iterations": n} for n in (0, 5)},
    "1 pass, 8 views": {"views": 8},
    "2 passes, 1 view": {"passes": 2},
    "3 passes, 1 view": {"passes": 3},
    "2 passes, 4 views": {"passes": 2, "views": 4},
    **{f"2 passes, 8 views, prior {p:g}": {"passes": 2, "views": 8, "prior": p}
       for p in (0.1, 0.3, 1.0, 3.0)},
}  # fmt: skip


def field_of(scene: Scene, preset: str, size_px: int) -> tuple[xr.Dataset, Truth]:
    """One field of the tuning seed, opened, and its truth."""
    rng = np.random.default_rng(
        [TUNE["reconstruction"], TUNED_ON.index(scene), PRESET_NAMES.index(preset)]
    )
    cells = scene.cells(rng, size_px)
    cells = odder(cells, rng) if scene is ODD else cells
    instrument = PRESETS[preset]
    raw = acquire(cells, (size_px, size_px), rng=rng, instrument=instrument)
    ds = acquisition(
        raw["hologram"], wavelength_nm=raw["wavelength"], pixel_size_um=PIXEL_UM,
        background="frame", dark=instrument.camera.offset,
        distance_um=1000 + DISTANCE_SD_UM * rng.standard_normal(),
        source_diameter_um=raw.attrs["source_diameter_um"],
        source_distance_mm=raw.attrs["source_distance_mm"],
        bandwidth_nm=raw.attrs["bandwidth_nm"],
    )  # fmt: skip
    shift = np.array(instrument.shift_um) + SHIFT_SD_UM * rng.standard_normal((3, 2))
    places = {f"shift_{axis}": ("wavelength", shift[:, n], {"units": "um"})
              for n, axis in enumerate("yx")}  # fmt: skip
    return ds.assign_coords(places), truth_of(raw["truth_opd"].values, cells, PIXEL_UM)


def courses(network: str | None) -> dict[str, tuple[str, dict[str, object]]]:
    """What is compared: methods and their parameters."""
    if network:
        return {method: (method, {"network": network}) for method in METHODS}
    return {name: ("accelerated", parameters) for name, parameters in COURSES.items()}


def rows_of(where: str, ds: xr.Dataset, truth: Truth, args: Namespace) -> list[Row]:
    """Error of every course, and share of thick cells recovered."""
    rows = []
    for name, (method, parameters) in courses(args.network).items():
        found = reconstruct(ds, method, device=args.device, **parameters)
        scores = recovery([found["opd"].values], [truth])
        rows += [
            row(f"{where}: {name}: RMSE", scores.rmse_nm, "nm", None, SOURCE),
            row(f"{where}: {name}: thick cells recovered", scores.thick, "1", None, SOURCE),
        ]
        print(rows[-2].name, rows[-2].value, rows[-1].value, flush=True)
    return rows


def summary(rows: list[Row], network: str | None) -> list[Row]:
    """For each course, the geometric mean of its errors over all fields."""
    found = []
    for name in courses(network):
        errors = [float(r.value) for r in rows if r.name.endswith(f": {name}: RMSE")]
        found.append(row(f"all fields: {name}: RMSE, geometric mean", float(
            np.exp(np.mean(np.log(errors)))), "nm", None, SOURCE))  # fmt: skip
    return found


if __name__ == "__main__":
    args = arguments(__doc__, network={"help": "name or file of weights"})
    every = [
        line
        for scene in TUNED_ON
        for preset in PRESET_NAMES
        for line in rows_of(
            f"{scene.name}, {preset}",
            *field_of(scene, preset, 256 if args.quick else 512),
            args,
        )
    ]
    report(summary(every, args.network) + every, args)
