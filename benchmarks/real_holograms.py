"""The line on real holograms: distances, phase against measured truth, cells in suspension.

One setting inverts all bead holograms. It is chosen without the bead truth: of a small grid, the
one whose reconstruction of each plane predicts the other five planes best. Pictures go to --out.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import torch
from _harness import Row, arguments, data_folder, report, row
from _references import direct_integral, fresnel_square_aperture, torchoptics_propagate
from matplotlib.figure import Figure
from scipy.io import loadmat
from tifffile import imread

from lensfree_nb.contract import Setup
from lensfree_nb.evaluate.similarity import detail_correlation, rmse
from lensfree_nb.io.off_axis import from_off_axis
from lensfree_nb.optics.propagation import propagate
from lensfree_nb.quantify.detect import detect
from lensfree_nb.reconstruct.focus import find_focus, find_planes
from lensfree_nb.reconstruct.methods import Inverse
from lensfree_nb.reconstruct.misfit import Misfit, total
from lensfree_nb.reconstruct.solver import Weights, minimise

PLANKTON_PX, PLANKTON_ABSORPTION = 5.0, 0.03
PLANES_MM = (7, 9, 11, 13, 15, 17)
WAVELENGTH_NM, PITCH_UM = 532.0, 6.5
ONE = Setup((WAVELENGTH_NM,), PITCH_UM)
GRID = [
    Weights(smoothness, 0.1 * smoothness, relax)
    for smoothness, relax in itertools.product((0.005, 0.01, 0.02, 0.04), (1.0, 4.0))
]
BORDER_PX = 30


def load_mat(path: Path, key: str) -> np.ndarray:
    return np.asarray(loadmat(path)[key], np.float32)


def phase_of(opd_nm: torch.Tensor) -> np.ndarray:
    return opd_nm.numpy() * (2 * math.pi / WAVELENGTH_NM)


def choose_weights(beads: torch.Tensor, planes_um: list[float]) -> tuple[Weights, float]:
    """The weights under which one plane predicts the others best, and that unexplained share."""
    everything = ONE_TO_MANY.at(tuple(planes_um))
    scores = [held_out(beads, everything, planes_um, weights) for weights in GRID]
    best = int(np.argmin(scores))
    return GRID[best], scores[best]


def held_out(
    beads: torch.Tensor, everything: Setup, planes_um: list[float], weights: Weights
) -> float:
    shares = []
    for i, distance in enumerate(planes_um):
        one = Misfit(beads[i : i + 1], ONE.at(distance))
        phase, absorption = (one.crop(x) for x in minimise(one, weights, iterations=100))
        others = Misfit(beads, everything)
        predicted = others.predict(others.spread(phase), others.spread(absorption))
        others.fit_background(predicted)
        inner = slice(BORDER_PX, -BORDER_PX)
        for j, model in enumerate(predicted):
            if j != i:
                data = (others.amplitude[j] / others.background[j])[inner, inner]
                gap = total((model[inner, inner] - data) ** 2)
                shares.append(gap / total((data - 1) ** 2))
    return float(np.mean(shares))


ONE_TO_MANY = Setup((WAVELENGTH_NM,) * len(PLANES_MM), PITCH_UM)


def beads(folder: Path, out: Path) -> list[Row]:
    source = "real; python benchmarks/real_holograms.py"
    place = folder / "holograms/beads_and_red_blood_cells/polystyrene_bead"
    stack = torch.from_numpy(
        np.stack([load_mat(place / f"holography_z{z}mm.mat", "holography") for z in PLANES_MM])
    )
    truth = load_mat(place / "gt_phase.mat", "gt_phase")
    rows, alone = [], []
    for z, hologram in zip(PLANES_MM, stack, strict=True):
        focus = find_focus(hologram[None], ONE, (3000.0, 30000.0))
        alone.append(focus.distance_um)
        off = abs(focus.distance_um / 1000 - z)
        rows.append(row(f"beads {z} mm: distance alone, error", off, "mm", "<= 0.75", source))
    together = find_planes(stack, ONE_TO_MANY, alone)
    for z, found in zip(PLANES_MM, together, strict=True):
        off = abs(found / 1000 - z)
        rows.append(row(f"beads {z} mm: distance together, error", off, "mm", "<= 0.3", source))
    weights, share = choose_weights(stack, list(together))
    rows += [
        row("beads: chosen smoothness", weights.smoothness, "1", None, source),
        row("beads: chosen relaxation", weights.relax, "1", None, source),
        row("beads: held-out share not predicted", share, "1", None, source),
    ]
    method, scores, pictures = Inverse(100, weights), [], []
    for z, found, hologram in zip(PLANES_MM, together, stack, strict=True):
        phase = phase_of(method(hologram[None], ONE.at(found)).opd_nm)
        scores.append((detail_correlation(phase, truth), rmse(phase, truth, remove_offset=True)))
        rows.append(
            row(f"beads {z} mm: phase correlation, one plane", scores[-1][0], "1", None, source)
        )
        pictures.append((f"from {z} mm", phase))
    rows.append(
        row(
            "beads: phase correlation, mean of one plane",
            float(np.mean([s[0] for s in scores])),
            "1",
            ">= 0.9",
            source,
        )
    )
    rows.append(
        row(
            "beads: RMSE, mean of one plane",
            float(np.mean([s[1] for s in scores])),
            "rad",
            None,
            source,
        )
    )
    phase = phase_of(method(stack, ONE_TO_MANY.at(together)).opd_nm)
    rows.append(
        row(
            "beads: phase correlation, six planes",
            detail_correlation(phase, truth),
            "1",
            ">= 0.965",
            source,
        )
    )
    rows.append(
        row("beads: RMSE, six planes", rmse(phase, truth, remove_offset=True), "rad", None, source)
    )
    draw(
        out / "beads.png",
        [("measured phase", truth), ("six planes", phase), *pictures],
        "phase (rad)",
    )
    return rows


def red_cells(folder: Path, out: Path) -> list[Row]:
    place = folder / "holograms/beads_and_red_blood_cells/red_blood_cell"
    rows, pictures = [], []
    for frame in range(1, 5):
        hologram = torch.from_numpy(load_mat(place / f"holography_frame{frame}.mat", "holography"))
        focus = find_focus(hologram[None], ONE, (15000.0, 35000.0))
        off = max(24.0 - focus.distance_um / 1000, focus.distance_um / 1000 - 24.5, 0.0)
        rows += [
            row(f"red cells {frame}: distance", focus.distance_um / 1000, "mm", None, "real"),
            row(f"red cells {frame}: outside 24.0-24.5 mm by", off, "mm", "<= 0.25", "real"),
        ]
        found = Inverse(100)(hologram[None], ONE.at(24250.0))
        pictures.append((f"frame {frame}, at 24.25 mm", found.opd_nm.numpy()))
    draw(out / "red_cells.png", pictures, "OPD (nm)")
    return rows


def plankton(folder: Path, out: Path) -> list[Row]:
    image = np.load(folder / "holograms/plankton_lensfree/fig1_data.npy", allow_pickle=False)
    hologram = torch.from_numpy(image.astype(np.float32))[None]
    setup = Setup((633.0,), 3.6, medium_index=1.33)
    focus = find_focus(hologram, setup, (1000.0, 5000.0))
    absorption = Inverse(60)(hologram, setup.at(focus.distance_um)).absorption.numpy()
    # Dark points: from 0.02 to 0.05 the count hardly hangs on the threshold.
    cells = detect(absorption, PLANKTON_PX, PLANKTON_ABSORPTION)
    pictures = [("hologram", image), ("absorption", absorption)]
    draw(out / "plankton.png", pictures, "", marks=cells)
    off = abs(focus.distance_um - 2450)
    return [
        row("plankton: cells counted (about 150 are stated)", len(cells), "1", None, "real"),
        row("plankton: distance", focus.distance_um, "um", None, "real"),
        row("plankton: distance, error", off, "um", "<= 75", "real"),
    ]


def micro_beads(folder: Path, out: Path) -> list[Row]:
    """1 µm beads through an objective: the effective pixel is far below the wavelength."""
    image = imread(folder / "holograms/beads_inline_dhm/beads1um_63x_532nm_crop.tiff")
    hologram = torch.from_numpy(image.astype(np.float32))[None]
    setup = Setup((532.0,), 0.0388, (7.28,), medium_index=1.52)
    found = Inverse(20)(hologram, setup)
    draw(out / "micro_beads.png", [("hologram", image), ("OPD (nm)", found.opd_nm.numpy())], "")
    residual = math.sqrt(total(found.misfit) / total(found.contrast))
    return [row("1 um beads: share of contrast unexplained", residual, "1", None, "real")]


def off_axis(folder: Path, out: Path) -> list[Row]:
    """HL60 off-axis hologram: phase only, its wavelength is not stated (633 nm as a scale)."""
    with np.load(
        folder / "cells/other/hl60_off_axis_hologram/hologram_cell.npz", allow_pickle=False
    ) as file:
        data, background = (file[name].astype(float) for name in ("data", "bg_data"))
    found = from_off_axis(data, wavelength_nm=633.0, pixel_size_um=0.107, reference=background)
    phase = found["opd"].values * 2 * math.pi / 633.0
    draw(out / "off_axis.png", [("hologram", data), ("phase (rad)", phase)], "")
    return [row("HL60 off-axis: highest phase", float(phase.max()), "rad", None, "real")]


def light() -> list[Row]:
    """Our propagation against independent ones, and its own invariants."""
    source = "computed; python benchmarks/real_holograms.py"
    n, pitch, wavelength, distance, side = 2048, 2.0, 0.53, 20_000.0, 400.0
    axis = (torch.arange(n, dtype=torch.float64) - n // 2) * pitch
    line = (axis.abs() < side / 2).double() + 0.5 * (axis.abs() == side / 2).double()
    aperture = (line[:, None] * line[None]).to(torch.complex128)
    ours = propagate(aperture, pitch, wavelength, distance, band_limit=False).numpy()
    ours /= np.exp(2j * np.pi * distance / wavelength)
    middle = slice(n // 2 - 100, n // 2 + 100)
    theirs = fresnel_square_aperture(axis.numpy()[middle], side, wavelength, distance)
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(256, 256, dtype=torch.complex128, generator=generator) for _ in range(2))
    there = propagate(x, 1.67, wavelength, 1000.0, band_limit=False)
    back = propagate(y, 1.67, wavelength, -1000.0, band_limit=False)
    left, right = torch.vdot(y.ravel(), there.ravel()), torch.vdot(back.ravel(), x.ravel())
    energy = float(there.abs().square().sum() / x.abs().square().sum())
    spot = torch.exp(-(axis[:256, None] - axis[128]).square() / 800.0)
    spot = (spot * spot.T).to(torch.complex128)
    other = torchoptics_propagate(spot, 1.67, wavelength, 1000.0)
    mine = propagate(spot, 1.67, wavelength, 1000.0)
    narrow = spot[64:192, 64:192].numpy()
    pixels = np.array([[64, 64], [64, 72], [50, 80]])
    direct = direct_integral(narrow, 0.4, wavelength, 60.0, (pixels - 64) * 0.4)
    near = propagate(torch.from_numpy(narrow), 0.4, wavelength, 60.0, pad_px=128).numpy()
    return [
        row(
            "Fresnel square aperture, relative error",
            _off(ours[middle, middle], theirs),
            "1",
            "<= 0.001",
            source,
        ),
        row(
            "torchoptics, relative difference",
            _off(mine.numpy(), other.numpy()),
            "1",
            "<= 0.001",
            source,
        ),
        row(
            "direct integral, relative difference",
            _off(near[tuple(pixels.T)], direct),
            "1",
            "<= 0.001",
            source,
        ),
        row(
            "adjoint, relative error", float(abs(left - right) / abs(left)), "1", "<= 1e-05", source
        ),
        row("energy, relative change", abs(energy - 1), "1", "<= 1e-05", source),
    ]


def _off(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def draw(
    path: Path,
    images: list[tuple[str, np.ndarray]],
    label: str,
    marks: np.ndarray | None = None,
) -> None:
    columns = min(4, len(images))
    side = 3.2 if columns > 2 else 6.0
    lines = -(-len(images) // columns)
    figure = Figure(figsize=(side * columns, (side + 0.1) * lines), layout="constrained")
    for axis in figure.subplots(lines, columns, squeeze=False).ravel():
        axis.axis("off")
    for axis, (title, image) in zip(figure.axes, images, strict=False):
        low, high = np.percentile(image, (1, 99.8))
        drawn = axis.imshow(
            image, cmap="magma" if title != "hologram" else "gray", vmin=low, vmax=high
        )
        if marks is not None:
            axis.scatter(marks[:, 1], marks[:, 0], s=18, facecolors="none", edgecolors="c", lw=0.5)
        axis.set_title(title, fontsize=9, loc="left")
        figure.colorbar(drawn, ax=axis, shrink=0.8, label=label)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    args = arguments(__doc__)
    folder = data_folder()
    with torch.inference_mode():
        rows = light() + beads(folder, args.out)
        if not args.quick:
            for part in (red_cells, plankton, micro_beads, off_axis):
                rows += part(folder, args.out)
    report(rows, args)
