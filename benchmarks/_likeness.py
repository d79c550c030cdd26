"""Simulated images beside real ones: pictures, radial spectra, histograms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill

import numpy as np
from _harness import Row, data_folder, row
from _seeds import TEST
from matplotlib.figure import Figure
from scipy.io import loadmat
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.segmentation import clear_border
from tifffile import imread

from lensfree_nb.microscope import Setup
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.camera import Camera
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.focus_stack import focus_stack
from lensfree_nb.simulate.instrument import Instrument
from lensfree_nb.simulate.measured_cells import MeasuredCells
from lensfree_nb.simulate.objective import OBJECTIVES
from lensfree_nb.simulate.population import round_rows
from lensfree_nb.simulate.truth import measured

BEADS = "holograms/beads_and_red_blood_cells/polystyrene_bead"
RED = "holograms/beads_and_red_blood_cells/red_blood_cell"
T98G = "cells/phase_contrast_manual_masks/set01_phase.tif"
PLANKTON = "holograms/plankton_lensfree/fig1_data.npy"
CAMERA = Camera(full_well_e=10_000.0, exposure=0.4, read_noise_e=20.0)
RED_PITCH_UM, RED_CELLS, SPECK_PX = 6.5, 26, 60
SOURCE = "simulated against real; python benchmarks/simulator.py"


@dataclass(frozen=True)
class Likeness:
    """A real image and a simulated one, both over their mean (y, x), and what tells them apart."""

    name: str
    real: np.ndarray
    simulated: np.ndarray
    unlike: str
    same_object: bool = False


def likenesses() -> list[Likeness]:
    """The kinds of real image that there are, each with its simulated counterpart."""
    folder = data_folder()
    rng = np.random.default_rng(TEST["simulator"])
    makers = (_beads, _red_cells, _plankton, _phase_contrast)
    return [make(folder, rng) for make in makers]


def compared(pairs: list[Likeness], path: Path) -> list[Row]:
    """Draw all pairs into one figure, and score them."""
    figure = Figure(figsize=(14, 4.1 * len(pairs)), layout="constrained")
    rows = []
    axes = figure.subplots(len(pairs), 4, squeeze=False)
    for line, pair in zip(axes, pairs, strict=True):
        low, high = np.percentile(pair.real, (1, 99.5))
        both = {"real": pair.real, "simulated": pair.simulated}
        for axis, (kind, image) in zip(line, both.items(), strict=False):
            axis.imshow(image, cmap="gray", vmin=low, vmax=high)
            axis.set_title(f"{pair.name}, {kind}", fontsize=9, loc="left")
            axis.axis("off")
        for kind, image in both.items():
            line[2].loglog(*radial_spectrum(image), label=kind)
            bins = np.linspace(0, 2.5, 80)
            line[3].hist(image.ravel(), bins, density=True, histtype="step", label=kind)
        line[2].set_xlabel("spatial frequency (cycles/px)", fontsize=8)
        line[2].set_ylabel("power", fontsize=8)
        line[3].set_xlabel("intensity over its mean", fontsize=8)
        for axis in line[2:]:
            axis.legend(fontsize=8)
        words = line[0].text(0, -0.05, fill(pair.unlike, 125), fontsize=7, va="top")
        words.set(transform=line[0].transAxes, in_layout=False)
        rows += _scores(pair)
    figure.savefig(path, dpi=100)
    return rows


def radial_spectrum(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean power on rings of frequency (cycles/px), of the windowed image."""
    window = np.outer(*(np.hanning(n) for n in image.shape))
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2 / (window**2).sum()
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in image.shape), indexing="ij"))
    edges = np.linspace(0, 0.5, 60)
    which = np.digitize(radius.ravel(), edges)
    total = np.bincount(which, power.ravel(), 61)[1:60]
    count = np.bincount(which, minlength=61)[1:60]
    return (edges[1:] + edges[:-1])[: len(total)] / 2, total / np.maximum(count, 1)


def _scores(pair: Likeness) -> list[Row]:
    real, ours = (radial_spectrum(image)[1] for image in (pair.real, pair.simulated))
    gap = float(np.sqrt(np.mean(np.log10(ours / real) ** 2)))
    figures = {
        "contrast (SD), real": (float(pair.real.std()), "1"),
        "contrast (SD), simulated": (float(pair.simulated.std()), "1"),
        "radial spectra apart, RMS": (gap, "decades"),
    }
    if pair.same_object:
        same = np.corrcoef(pair.real.ravel(), pair.simulated.ravel())[0, 1]
        figures["correlation of the holograms"] = (float(same), "1")
    return [
        row(f"{pair.name}: {name}", value, unit, None, SOURCE)
        for name, (value, unit) in figures.items()
    ]


def _mat(path: Path, key: str) -> np.ndarray:
    return np.asarray(loadmat(path)[key], np.float32)


def _instrument(setup: Setup) -> Instrument:
    return Instrument(setup=setup, lines=1, camera=CAMERA)


def _over_mean(image: np.ndarray) -> np.ndarray:
    return np.asarray(image / image.mean())


def _beads(folder: Path, rng: np.random.Generator) -> Likeness:
    phase = _mat(folder / BEADS / "gt_phase.mat", "gt_phase")
    amplitude = _mat(folder / BEADS / "gt_amplitude.mat", "gt_amplitude")
    absorption = np.maximum(-np.log(amplitude / np.percentile(amplitude, 99.9)), 0)
    setup = Setup((532.0,), 6.5, (9_000.0,))
    ds = acquire(
        None, phase.shape, rng=rng, instrument=_instrument(setup),
        opd_nm=phase * 532 / (2 * np.pi), absorption=absorption,
    )  # fmt: skip
    real = _mat(folder / BEADS / "holography_z9mm.mat", "holography")
    return Likeness(
        "beads at 9 mm",
        _over_mean(real),
        _over_mean(ds["hologram"].values[0]),
        "The same beads, by the authors' measured phase. The real hologram has faint straight "
        "fringes (peaks at 0.2-0.3 cycles/px) that ours lacks; ours ends in the white noise of "
        "its camera, the real one goes on falling.",
        same_object=True,
    )


def red_cells(folder: Path) -> MeasuredCells:
    """Single red cells out of the authors' measured phase maps of two other fields."""
    maps = [_mat(folder / RED / f"gt_phase{n}.mat", "gt_phase") for n in (1, 5)]
    opd_nm = np.concatenate([(m - np.median(m)) * 532 / (2 * np.pi) for m in maps], 1)
    labels = np.concatenate([clear_border(label(m > threshold_otsu(m))) for m in maps], 1)
    labels = label(labels > 0)
    areas = np.bincount(labels.ravel())
    typical = np.median(areas[1:][areas[1:] > SPECK_PX])
    # Two cells on each other are larger than one.
    odd = np.flatnonzero((areas < 0.6 * typical) | (areas > 1.4 * typical))
    labels[np.isin(labels, odd)] = 0
    return MeasuredCells.cut(opd_nm, labels, RED_PITCH_UM)


def _red_cells(folder: Path, rng: np.random.Generator) -> Likeness:
    real = _mat(folder / RED / "holography_frame1.mat", "holography")
    bank = red_cells(folder)
    setup = Setup((532.0,), RED_PITCH_UM, (22_100.0,))
    density = RED_CELLS / (real.size * RED_PITCH_UM**2 * 1e-6)
    cells = culture(
        real.shape, density, rng=rng, pixel_size_um=RED_PITCH_UM, kinds={"measured": 1.0},
        measured_cells=bank, spacing_um=60.0, piled=0.3, contact=0.0, margin_um=500.0,
    )  # fmt: skip
    ds = acquire(cells, real.shape, rng=rng, instrument=_instrument(setup), measured_cells=bank)
    return Likeness(
        "red cells",
        _over_mean(real),
        _over_mean(ds["hologram"].values[0]),
        "Measured cells out of other fields, strewn anew. The real background is uneven and has "
        "straight fringes; ours is flat. Ours pile up where they meet; real ones mostly lie side "
        "by side.",
    )


def _plankton(folder: Path, rng: np.random.Generator) -> Likeness:
    real = np.load(folder / PLANKTON, allow_pickle=False).astype(np.float32)
    count, pitch = 230, 3.6
    cells = round_rows(rng.uniform(8, 60, count), rng, "suspended")
    places = rng.uniform(0, real.shape, (count, 2)) * pitch
    cells = measured(
        cells.assign(
            y_um=places[:, 0], x_um=places[:, 1], contact=0.0,
            absorbance=rng.uniform(0.1, 0.6, count),
        )
    )  # fmt: skip
    setup = Setup(
        (633.0,), pitch, (2_420.0,), medium_index=1.33, bandwidth_nm=15.0,
        source_diameter_um=200.0, source_distance_mm=50.0,
    )  # fmt: skip
    still = replace(CAMERA, full_well_e=100_000.0)
    ours = replace(_instrument(setup), uneven=0.4, lines=5, surface_nm=1.0, camera=still)
    ds = acquire(cells, real.shape, rng=rng, instrument=ours)
    crop = (slice(0, 512), slice(0, 512))
    return Likeness(
        "plankton",
        _over_mean(real[crop]),
        _over_mean(ds["hologram"].values[0][crop]),
        "Drawn round cells in one plane. The real sample has dark clumps, cells at several depths, "
        "a clouded background (power at 0.01-0.05 cycles/px) and light that falls off towards one "
        "corner; our grain is finer and more regular.",
    )


def _phase_contrast(folder: Path, rng: np.random.Generator) -> Likeness:
    real = imread(folder / T98G).astype(np.float32)[200:600, 200:600]
    objective = replace(OBJECTIVES["10x/0.30"], pixel_size_um=0.8708)
    cells = culture(
        real.shape, 150.0, rng=rng, pixel_size_um=0.8708, margin_um=25.0,
        kinds={"round": 0.1, "spindle": 0.3},
    )  # fmt: skip
    ds = focus_stack(cells, real.shape, (0.0,), rng=rng, objective=objective, surface="polystyrene")
    return Likeness(
        "T98G cells, phase contrast",
        _over_mean(real),
        _over_mean(ds["image"].values[0, 0]),
        "Drawn cells of the lens-free papers' sizes: smaller, and smoother. The real ones have "
        "thick granular bodies and thin ragged processes that ours lack; ours are sharper (power "
        "above 0.2 cycles/px).",
    )
