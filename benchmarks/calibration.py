"""What is found from the holograms themselves: distance, places of the colours, tilt, defocus.

Nothing is told but what is printed on an instrument. Two criteria of the distance, side by side;
colours that lie some micrometres apart in depth, as behind a plastic dish; and light that changes
over a series. `--tune` takes fields of the tuning seed: numbers are chosen there, and told from the
others.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import xarray as xr
from _harness import Row, arguments, report, row
from _recovery import Truth, recovery, truth_of
from _scenes import ABOUT_UM, ADHERENT, PIXEL_UM, SCENES, UNSEEN, Scene, opened
from _seeds import TEST, TUNE

from lensfree_nb.errors import DistanceError
from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.reconstruct.find_distance import find_distance
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.instrument import PRESETS, Instrument

SOURCE = "simulated; python benchmarks/calibration.py"
PRESET_NAMES = ("paper", "harsh")
DISTANCES_UM = (800.0, 1250.0)
DEPTH_OF_FOCUS_UM = 15.0
OFF_UM = (-50.0, -20.0, 0.0, 20.0, 50.0)
# Red and blue beside green: what a millimetre of polystyrene does.
COLOURS_UM = (-6.0, 0.0, 8.0)
# By how much the light is uneven in each frame of a series.
UNEVEN = (0.0, 0.1, 0.2, 0.3)
# What else is drawn, after the scenes.
COLOURS, SERIES = range(len(SCENES), len(SCENES) + 2)


def at(preset: str, rng: np.random.Generator) -> Instrument:
    """The preset at a distance that nobody was told."""
    return PRESETS[preset].at(float(rng.uniform(*DISTANCES_UM)))


def rows_of(seed: int, scene: Scene, preset: str, size_px: int, device: str) -> list[Row]:
    """Errors of one field."""
    stream = [seed, SCENES.index(scene), PRESET_NAMES.index(preset)]
    rng = np.random.default_rng(stream)
    instrument = at(preset, rng)
    raw, cells = scene.acquired(instrument, rng, size_px)
    truth = truth_of(raw["truth_opd"].values, cells, PIXEL_UM)
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
    return rows + defocus(where, ds, truth, device)


def by_inversion(ds: xr.Dataset, true_um: float) -> float:
    """Error of the criterion that knows no cells (µm); NaN where it finds nothing."""
    try:
        return abs(float(find_distance(ds, range_um=ABOUT_UM)["distance"]) - true_um)
    except DistanceError:
        return float("nan")


def defocus(where: str, ds: xr.Dataset, truth: Truth, device: str) -> list[Row]:
    """What a distance that is off costs, what is told of it, and whether the frame is trusted."""
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
    says += [
        row(f"{where}: median error of a cell's volume at {off:+g} um",
            recovery([made["opd"].values], [truth]).bias_percent, "%", None, SOURCE)
        for off, made in found.items()
    ]  # fmt: skip
    rows = [
        row(f"{where}: trusted at its distance", float(found[0.0]["trusted"]), "1", ">= 1", SOURCE)
    ]
    for far, bar in ((20.0, None), (50.0, "<= 0")):
        passed = sum(float(made["trusted"]) for off, made in found.items() if abs(off) == far)
        rows.append(row(f"{where}: trusted {far:g} um off", passed, "of 2", bar, SOURCE))
    return says + rows


def colours(seed: int, size_px: int) -> list[Row]:
    """Each colour at a distance of its own, found by both criteria that look at all of them."""
    rng = np.random.default_rng([seed, COLOURS])
    centre = float(rng.uniform(*DISTANCES_UM))
    true_um = centre + np.array(COLOURS_UM)
    raw, _ = ADHERENT.acquired(PRESETS["paper"].at(tuple(true_um)), rng, size_px)
    ds = opened(raw, "paper")
    rows = []
    for criterion in ("inversion", "network"):
        found = find_distance(
            ds, range_um=ABOUT_UM, criterion=criterion, per_exposure=True, on_failure="flag"
        )
        missed = np.abs(found["distance"].values - true_um).max()
        rows.append(row(f"a distance for each colour, by {criterion}: largest error",
                        float(missed), "um", None, SOURCE))  # fmt: skip
    return rows


def drifting(seed: int, size_px: int, device: str) -> list[Row]:
    """One culture in light that grows uneven frame by frame: what of it ends up in the OPD."""
    rng = np.random.default_rng([seed, SERIES])
    cells, shape = ADHERENT.cells(rng, size_px), (size_px, size_px)
    paper = PRESETS["paper"]
    frames = [
        acquire(cells, shape, rng=rng, instrument=replace(paper, uneven=uneven))
        for uneven in UNEVEN
    ]
    counts = xr.concat([raw["hologram"] for raw in frames], "time")
    ds = acquisition(
        counts, wavelength_nm=frames[0]["wavelength"], pixel_size_um=PIXEL_UM,
        distance_um=paper.setup.known_distance()[0], background="frame", dark=paper.camera.offset,
        **{n: frames[0].attrs[n] for n in ("source_diameter_um", "source_distance_mm",
                                           "bandwidth_nm")},
    )  # fmt: skip
    shift = {f"shift_{axis}": ("wavelength", [pair[n] for pair in paper.shift_um], {"units": "um"})
             for n, axis in enumerate("yx")}  # fmt: skip
    found = reconstruct(ds.assign_coords(shift), "accelerated", device=device)["opd"].values
    truth = truth_of(frames[0]["truth_opd"].values, cells, PIXEL_UM)
    even, uneven = (recovery([found[n]], [truth]) for n in (0, -1))
    where = f"light that grows uneven by {UNEVEN[-1]:.0%} over a series"
    return [
        row(f"{where}: RMSE in the first frame", even.rmse_nm, "nm", None, SOURCE),
        row(f"{where}: RMSE in the last frame", uneven.rmse_nm, "nm", None, SOURCE),
        row(f"{where}: change of the median volume of cells",
            uneven.bias_percent - even.bias_percent, "%", None, SOURCE),
    ]  # fmt: skip


if __name__ == "__main__":
    tune = {"action": "store_true", "help": "fields of the tuning seed, to choose numbers by"}
    args = arguments(__doc__, tune=tune)
    seed = (TUNE if args.tune else TEST)["calibration"]
    known = [scene for scene in SCENES if not (args.tune and scene is UNSEEN)]
    size = 384 if args.quick else 512
    rows = [
        line
        for scene in (known[:1] if args.quick else known)
        for preset in PRESET_NAMES
        for line in rows_of(seed, scene, preset, size, args.device)
    ]
    rows += colours(seed, size) + drifting(seed, size, args.device)
    report(rows, args)
