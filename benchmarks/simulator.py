"""The simulator: its populations, its light, its noise, its speed, and how real it looks.

`--quick` uses a quarter of the frame and of the culture.
"""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _conditions import conditions
from _harness import Row, arguments, report, row
from _likeness import compared, likenesses
from _memory import Watch, resident_gb
from _mie import spheres
from _references import direct_integral
from _seeds import TEST
from matplotlib.figure import Figure
from patches import patches

from lensfree_nb.microscope import Setup
from lensfree_nb.reconstruct.misfit import Misfit
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.camera import Camera
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import PRESETS, Instrument
from lensfree_nb.simulate.light import Stage, intensity
from lensfree_nb.simulate.population import PAPER
from lensfree_nb.simulate.render import draw

METRICS = ("area_um2", "dry_mass_pg", "max_opd_nm", "major_axis_um")
SOURCE = "simulated; python benchmarks/simulator.py"


def seeded(stream: int) -> np.random.Generator:
    return np.random.default_rng([TEST["simulator"], stream])


def population(side: int) -> list[Row]:
    """Each mean and standard deviation against the paper's, at its four densities."""
    rows = []
    for density, wanted in PAPER.items():
        cells = culture((side, side), density, rng=seeded(density))
        for metric, (mean, sd) in zip(METRICS, wanted, strict=True):
            found = cells[metric]
            for what, value, aim in (("mean", found.mean(), mean), ("SD", found.std(), sd)):
                name = f"{density}/mm2: {what} of {metric} off the paper's {aim:g}"
                rows.append(row(name, 100 * abs(value / aim - 1), "%", "<= 10", SOURCE))
    return rows


def light() -> list[Row]:
    """A hologram against direct summation in double precision; its energy; the solver's model."""
    setup = Setup((530.0,), 1.67, (300.0,))
    pure = Instrument(setup=setup, lines=1, fill=1e-6)
    stage = Stage.around((64, 64), pure)
    axis = torch.arange(stage.shape[0], dtype=torch.float64) - stage.shape[0] // 2
    spot = torch.exp(-((axis[:, None] ** 2 + axis[None] ** 2) * stage.pitch_um**2) / 6.0**2)
    opd = (120.0 * spot).float()
    found = intensity(opd, torch.zeros_like(opd), pure, 0, stage).numpy()
    wave = np.exp(2j * np.pi * 0.12 * spot.numpy() / 0.53) - 1
    rows, columns = np.mgrid[6:58:6, 6:58:6].reshape(2, -1)
    middle = stage.shape[0] // 2 * stage.pitch_um + stage.field.origin_um[0]
    points = np.stack([rows, columns], 1) * 1.67 - middle
    scattered = direct_integral(wave, stage.pitch_um, 0.53, 300.0, points)
    expected = np.abs(1 + scattered * np.exp(-2j * np.pi * 300.0 / 0.53)) ** 2
    gap = np.abs(found[rows, columns] - expected).max()
    ideal = PRESETS["ideal"]
    cells = culture((256, 256), rng=seeded(1), margin_um=150.0, kinds={"round": 0.2})
    around = Stage.around((256, 256), ideal)
    thick, dark = draw(cells, around.field)
    whole = replace(around, sensor=tuple(n // 2 for n in around.shape), margin=0)
    energies = [float(intensity(thick, dark, ideal, e, whole).double().mean()) for e in range(3)]
    return [
        row("against direct summation, largest difference", gap, "1", "<= 1e-3", SOURCE),
        row("energy, change on 'ideal'", max(abs(e - 1) for e in energies), "1", "<= 1e-4", SOURCE),
        *solver_model(),
    ]


def solver_model() -> list[Row]:
    """How far the solver's own model is from the light of this simulator, on the truth itself."""
    rows = []
    for preset in PRESETS:
        instrument = replace(
            PRESETS[preset], camera=Camera(), uneven=0.0, dust_per_mm2=0.0, surface_nm=0.0
        )
        cells = culture((384, 384), rng=seeded(2), margin_um=165.0)
        ds = acquire(cells, (384, 384), rng=seeded(3), instrument=instrument)
        misfit = Misfit(torch.from_numpy(ds["hologram"].values), instrument.setup)
        to_rad = 2e-3 * np.pi / misfit.reference_um
        truth = misfit.spread(torch.from_numpy(ds["truth_opd"].values * to_rad))
        predicted = misfit.predict(truth, misfit.zeros())
        inner = (slice(100, -100), slice(100, -100))  # what lies outside is not in the truth
        unexplained, contrast = (m[inner] for m in misfit.residual_maps(predicted))
        share = float((unexplained.sum() / contrast.sum()) ** 0.5)
        name = f"solver's model on the truth of '{preset}', off by"
        # A point source of one line is what the solver knows too: no bar for 'ideal'.
        bar = None if preset == "ideal" else ">= 0.1"
        rows.append(row(name, 100 * share, "% of contrast", bar, SOURCE))
    return rows


def sampling() -> list[Row]:
    """What the grid costs: a round cell of 300 nm on two points a pixel, and on six."""
    cell = culture((128, 128), 0, rng=seeded(6))
    one = pd.DataFrame(
        {"kind": ["round"], "y_um": 107.0, "x_um": 107.0, "semi_major_um": 7.5,
         "semi_minor_um": 7.5, "angle_rad": 0.0, "height_nm": 300.0}
    )  # fmt: skip
    table = pd.concat([cell, one], ignore_index=True)
    seen = [
        acquire(
            table, (128, 128), rng=seeded(7),
            instrument=replace(PRESETS["plain"], camera=Camera(), oversampling=points),
        )["hologram"].values
        for points in (2, 6)
    ]  # fmt: skip
    gap = float(np.sqrt(np.mean((seen[0] - seen[1]) ** 2)) / seen[1].std())
    return [row("two points a pixel against six", 100 * gap, "% of contrast", None, SOURCE)]


def noise(out: Path) -> list[Row]:
    """Photon transfer: the variance of flat frames over their mean, and what was asked for."""
    rows, figure = [], Figure(figsize=(5, 4), layout="constrained")
    axis = figure.subplots()
    for preset in ("paper", "harsh"):
        camera = PRESETS[preset].camera
        electrons = camera.full_well_e * camera.exposure / camera.counts_of_background
        means, variances = [], []
        for number, level in enumerate(np.linspace(0.0, 1.2, 13)):
            flat = torch.full((400, 400), float(level))
            generator = torch.Generator().manual_seed(TEST["simulator"] + number)
            counts = camera.record(flat, generator).double() - camera.offset
            means.append(float(counts.mean()) * electrons)
            variances.append(float(counts.var()) * electrons**2)
        slope, offset = np.polyfit(means, variances, 1)
        asked = camera.read_noise_e**2 + electrons**2 / 12  # reading, and rounding to counts
        axis.plot(means, variances, "o", label=f"{preset}: slope {slope:.3f}")
        axis.plot(means, np.add(means, asked), "-", lw=0.8, color="k")
        read = 100 * abs(max(offset, 0) ** 0.5 / asked**0.5 - 1)
        rows += [
            row(f"'{preset}' photon transfer: slope off 1", abs(slope - 1), "1", "<= 0.03", SOURCE),
            row(f"'{preset}' read noise off {asked**0.5:.1f} e", read, "%", None, SOURCE),
        ]
    axis.set(xlabel="mean (electrons)", ylabel="variance (electrons²)", title="photon transfer")
    axis.legend()
    figure.savefig(out / "photon_transfer.png", dpi=110)
    return rows


def speed(shape: tuple[int, int], device: str) -> list[Row]:
    """One frame of the preset `paper`: culture and light."""
    watch = Watch()
    watch.start()
    start = time.perf_counter()
    cells = culture(shape, rng=seeded(4), margin_um=165.0)
    drawn = time.perf_counter()
    acquire(cells, shape, rng=seeded(5), instrument="paper", device=device)
    seconds = time.perf_counter() - start
    watch.over.set()
    watch.join()
    return [
        row("frame of 'paper': time", seconds, "s", "<= 60", SOURCE),
        row("frame of 'paper': of it for the culture", drawn - start, "s", None, SOURCE),
        row("frame of 'paper': memory", watch.highest, "GB", "<= 8", SOURCE),
    ]


def days() -> list[Row]:
    """A five-day time-lapse: what it costs to build, and frame 700 of it by itself."""
    from lensfree_nb.simulate.lapse import timelapse

    timelapse((64, 64), seed=1, frames=2)  # imports are not timed
    before = resident_gb()
    start = time.perf_counter()
    timelapse((2748, 3840), seed=TEST["simulator"], frames=720)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    timelapse((2748, 3840), seed=TEST["simulator"] + 1, frames=720)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    rise = 1e3 * (resident_gb() - before)
    small, _ = timelapse((192, 224), seed=TEST["simulator"], frames=720, density_per_mm2=60.0)
    alone = small["hologram"][700].compute().values
    run = small["hologram"][695:704].compute(scheduler="synchronous").values
    return [
        row("720 full frames: time to build", seconds, "s", "<= 5", SOURCE),
        row("720 full frames: memory to build", max(peak, rise), "MB", "<= 500", SOURCE),
        row("frame 700 alone and in a run: bytes that differ",
            float((alone != run[5]).sum()), "1", "<= 0", SOURCE),
    ]  # fmt: skip


def main(quick: bool, device: str, out: Path) -> list[Row]:
    rows = population(900 if quick else 2600)
    rows += light() + sampling() + spheres() + noise(out)
    rows += speed((1374, 1920) if quick else (2748, 3840), device)
    rows += patches(device, quick)
    if find_spec("dask"):
        rows += days()
    conditions(out / "conditions.png")
    return rows + compared(likenesses(), out / "likeness.png")


if __name__ == "__main__":
    args = arguments(__doc__)
    report(main(args.quick, args.device, args.out), args)
