"""What is found from the holograms themselves: distance, places of the colours, tilt, defocus.

Nothing is told but what is printed on an instrument. Two criteria of the distance, side by side.
"""

from __future__ import annotations

import time

import numpy as np
import xarray as xr
from _harness import Row, arguments, report, row
from _scenes import ABOUT_UM, SCENES, Scene, opened
from _seeds import TEST

from lensfree_nb.errors import DistanceError
from lensfree_nb.reconstruct.find_distance import find_distance
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.instrument import PRESETS, Instrument

SOURCE = "simulated; python benchmarks/calibration.py"
PRESET_NAMES = ("paper", "harsh")
DISTANCES_UM = (800.0, 1250.0)
DEPTH_OF_FOCUS_UM = 15.0
OFF_UM = (-50.0, -20.0, 0.0, 20.0, 50.0)


def at(preset: str, rng: np.random.Generator) -> Instrument:
    """The preset at a distance that nobody was told."""
    return PRESETS[preset].at(float(rng.uniform(*DISTANCES_UM)))


def rows_of(scene: Scene, preset: str, size_px: int, device: str) -> list[Row]:
    """Errors of one field."""
    stream = [TEST["calibration"], SCENES.index(scene), PRESET_NAMES.index(preset)]
    rng = np.random.default_rng(stream)
    instrument = at(preset, rng)
    raw, _ = scene.acquired(instrument, rng, size_px)
    where, true_um = f"{scene.name}, {preset}", instrument.setup.known_distance()[0]
    start = time.perf_counter()
    ds = opened(raw, preset)
    rows = [
        row(f"{where}: time to find all", time.perf_counter() - start, "s", None, SOURCE),
        row(f"{where}: distance, error", float(ds["distance"]) - true_um, "um", None, SOURCE),
        row(f"{where}: distance, size of the error", abs(float(ds["distance"]) - true_um), "um",
            f"<= {DEPTH_OF_FOCUS_UM:g}", SOURCE),
        row(f"{where}: distance by inversion, size of the error", by_inversion(ds, true_um), "um",
            None, SOURCE),
    ]  # fmt: skip
    shift = np.stack([ds["shift_y"].values, ds["shift_x"].values], -1)
    missed = np.hypot(*(shift - np.array(instrument.shift_um)).T)
    rows.append(row(f"{where}: place of a colour, largest error", float(missed.max()), "um",
                    "<= 0.5", SOURCE))  # fmt: skip
    if any(instrument.slope_um_per_mm):
        found = [float(ds[f"distance_slope_{axis}"]) for axis in "yx"]
        error = np.abs(np.array(found) - instrument.slope_um_per_mm).max()
        rows.append(row(f"{where}: tilt, largest error", float(error), "um/mm", None, SOURCE))
    return rows + defocus(where, ds, device)


def by_inversion(ds: xr.Dataset, true_um: float) -> float:
    """Error of the criterion that knows no cells (µm); NaN where it finds nothing."""
    try:
        return abs(float(find_distance(ds, range_um=ABOUT_UM)["distance"]) - true_um)
    except DistanceError:
        return float("nan")


def defocus(where: str, ds: xr.Dataset, device: str) -> list[Row]:
    """What a reconstruction says of a distance that is off, and whether it is trusted."""
    found = {
        off: reconstruct(
            ds.assign_coords(distance=ds["distance"] + off), "accelerated", device=device
        )
        for off in OFF_UM
    }
    says = [
        row(f"{where}: defocus told at {off:+g} um", float(made["defocus"]), "um", None, SOURCE)
        for off, made in found.items()
    ]
    rows = [
        row(f"{where}: trusted at its distance", float(found[0.0]["trusted"]), "1", ">= 1", SOURCE)
    ]
    for far, bar in ((20.0, None), (50.0, "<= 0")):
        passed = sum(float(made["trusted"]) for off, made in found.items() if abs(off) == far)
        rows.append(row(f"{where}: trusted {far:g} um off", passed, "of 2", bar, SOURCE))
    return says + rows


if __name__ == "__main__":
    args = arguments(__doc__)
    chosen = SCENES[:1] if args.quick else SCENES
    size = 384 if args.quick else 512
    rows = [
        line
        for scene in chosen
        for preset in PRESET_NAMES
        for line in rows_of(scene, preset, size, args.device)
    ]
    report(rows, args)
