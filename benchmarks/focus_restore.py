"""Defocused images restored: networks and deconvolution, side by side.

Simulated fields of the 18 conditions of Xue 2021 out of focus as there; five real frames, taken
out of focus by a model; and a real stack, where the next plane tells how like two images of one
field can be. SSIM and PSNR over the range of the focused image. Then what restoring does to
segmentation (against masks drawn by hand), and whether the sorter still tells restored images.

Beside it networks of the paper's kind and ours are trained from nothing, on as many samples of the
same fields each (a quarter of the paper's width, unless `--features 64 --samples 100000` asks for
all of it); and one for all planes against one for each distance. They take hours on one core of a
processor: `--part` measures some, `--keep FOLDER` keeps networks and checkpoints to go on from.
`--quick` takes few and small images.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import xarray as xr
from _focus_plots import plot_restoring
from _harness import Row, data_folder, row
from _parts import measure, part_arguments
from _real_images import SHARPEST, frames, masks, stack
from _restorers import (
    BLURRED,
    DECONVOLVED,
    OURS,
    SIDE_PX,
    SMALL_PX,
    Pair,
    Restorer,
    by_network,
    by_psf,
    likeness,
    real,
    simulated,
)  # fmt: skip
from _trained_restorers import THEIRS, Size, equal, of_objective, of_planes, planes_of

from lensfree_nb.nets.registry import find_model, load_network
from lensfree_nb.refocus.sort import sort
from lensfree_nb.simulate.focus_stack import DEFOCUS_UM
from lensfree_nb.train.sorting import area_under_curve

COMMAND = "python benchmarks/focus_restore.py --part"
SOURCE, REAL = f"simulated; {COMMAND}", f"real; {COMMAND}"
COPIES = f"real, defocused by a model; {COMMAND}"
FULL_RESUNET = 32_427_685
# A quarter of the paper's width; the comparison of planes is of smaller ones that learn less.
QUARTER, SAMPLES = 16, 6000
PLANES_FEATURES, PLANES_LESS = 16, 2
FEW_FEATURES, FEW_SAMPLES = 4, 16


def pair_rows(pairs: Iterable[Pair], by: dict[str, Restorer], source: str) -> list[Row]:
    """SSIM and PSNR of each way, by what the images are and how far out of focus."""
    scores: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for pair in pairs:
        where = f"{pair.what}, {abs(pair.defocus_um):g} um"
        for name, restored in by.items():
            found = likeness(restored(pair), pair.focused)
            scores.setdefault((where, name), []).append(found)
    means = {key: np.mean(values, 0) for key, values in scores.items()}
    rows = []
    for (where, name), (alike, psnr) in means.items():
        # A network must be ahead of deconvolution, and ours of all others.
        others = [v[0] for (w, n), v in means.items() if w == where and n != name]
        bar = None
        if DECONVOLVED in by and name == OURS:
            bar = f">= {max(others):.6g}"
        elif DECONVOLVED in by and name not in (BLURRED, DECONVOLVED):
            bar = f">= {means[where, DECONVOLVED][0]:.6g}"
        rows += [
            row(f"{where}: {name}, SSIM", float(alike), "1", bar, source),
            row(f"{where}: {name}, PSNR", float(psnr), "dB", None, source),
        ]
    return rows


def stack_rows(by: dict[str, Restorer], source: str) -> list[Row]:
    """Each plane restored, against the sharpest; the planes next to it as the ceiling."""
    planes = stack(data_folder())
    focused = planes[SHARPEST]
    rows = [
        row(f"stack: plane {n} as it is, SSIM to plane {SHARPEST}",
            likeness(planes[n], focused).ssim, "1", None, source)
        for n in (SHARPEST - 1, SHARPEST + 1)
    ]  # fmt: skip
    for number in (0, 2, 4, 8, 12):
        pair = Pair(planes[number], focused, 0.0, "")
        for name, restored in by.items():
            # Nobody knows the distances of its planes: there is no Gaussian for them.
            if name != DECONVOLVED:
                found = likeness(restored(pair), focused).ssim
                rows.append(row(f"stack: plane {number}, {name}, SSIM", found, "1", None, source))
    return rows


def downstream_rows(pairs: list[Pair], ours: Restorer) -> list[Row]:
    """Dice of the area that cells cover, segmented of the image as it is, blurred and restored."""
    # Not on machines that lend a GPU: it needs scikit-learn.
    from _segmentation import dice, segmenter

    covered = segmenter(data_folder())
    source = f"{COPIES} shipped"
    outlined = [each > 0 for each in masks(data_folder(), "test")]
    images = frames(data_folder(), "test")
    rows = [
        row("cells segmented in focus, Dice",
            float(np.mean([dice(covered(i), m) for i, m in zip(images, outlined, strict=True)])),
            "1", None, f"{REAL} shipped")
    ]  # fmt: skip
    each = len(pairs) // len(images)
    for far in sorted({abs(pair.defocus_um) for pair in pairs}):
        chosen = [
            (pair, outlined[n // each]) for n, pair in enumerate(pairs)
            if abs(pair.defocus_um) == far
        ]  # fmt: skip
        for name, made in ((BLURRED, lambda pair: pair.blurred), (OURS, ours)):
            found = np.mean([dice(covered(made(pair)), mask) for pair, mask in chosen])
            rows.append(
                row(f"cells segmented at {far:g} um, {name}, Dice", float(found), "1", None, source)
            )
    return rows


def fooled_rows(pairs: list[Pair], ours: Restorer, device: str, source: str) -> list[Row]:
    """Whether the sorter tells blurred images from focused ones, and restored ones."""
    focused = [focus_of(pair.focused, device) for pair in pairs]
    rows = []
    for name, made in ((BLURRED, lambda pair: pair.blurred), (OURS, ours)):
        others = [focus_of(made(pair), device) for pair in pairs]
        area = area_under_curve(
            np.array([*focused, *others]), np.arange(2 * len(pairs)) < len(pairs)
        )
        where = pairs[0].what.split(",")[0]
        rows.append(row(f"sorter's AUC, focused against {name}, {where}", area, "1", None, source))
    return rows


def focus_of(image: np.ndarray, device: str) -> float:
    """How probably it is in focus."""
    ds = xr.Dataset({"image": (("y", "x"), np.asarray(image))})
    return float(sort(ds, device=device)["focus"])


def shipped(measured: Measured, args: argparse.Namespace) -> list[Row]:
    """The network of the package beside deconvolution, on all images."""
    network = load_network(find_model(OURS), "cpu")
    size = sum(part.numel() for part in network.parameters())
    ours = by_network(OURS, args.device)
    by = {BLURRED: as_it_is, DECONVOLVED: measured.by_psf, OURS: ours}
    bar = f"<= {FULL_RESUNET // 4}"
    return [
        row(f"{OURS}: parameters", float(size), "1", bar, f"{SOURCE} shipped"),
        *pair_rows(measured.simulated, by, f"{SOURCE} shipped"),
        *pair_rows(measured.copies, by, f"{COPIES} shipped"),
        *stack_rows(by, f"{REAL} shipped"),
        *([] if args.quick else downstream_rows(measured.copies, ours)),
        *fooled_rows(measured.simulated, ours, args.device, f"{SOURCE} shipped"),
        *fooled_rows(measured.copies, ours, args.device, f"{COPIES} shipped"),
    ]


def side_by_side(measured: Measured, args: argparse.Namespace) -> list[Row]:
    """U-Net, ResUNet and ours, each trained from nothing on as many samples, and deconvolution."""
    source, rows = f"{SOURCE} equal", []
    by = {BLURRED: as_it_is, DECONVOLVED: measured.by_psf}
    for label, name in {**THEIRS, OURS: OURS}.items():
        # Ours is as it ships, but where all is to be small.
        features = args.features if name != OURS else FEW_FEATURES if args.quick else None
        spec = equal(name, features, args.size, args.keep, args.device)
        many = sum(part.numel() for part in load_network(spec, "cpu").parameters())
        rows.append(row(f"equal samples, {label}: parameters", float(many), "1", None, source))
        by[label] = by_network(spec, args.device)
    samples = float(args.size.samples)
    rows.append(row("equal samples: of each network", samples, "1", None, source))
    real_rows = [
        *pair_rows(measured.copies, by, f"{COPIES} equal"), *stack_rows(by, f"{REAL} equal")
    ]  # fmt: skip
    return [
        *rows,
        *[
            replace(one, name=f"equal samples, {one.name}")
            for one in [*pair_rows(measured.simulated, by, source), *real_rows]
        ],
    ]


def one_or_each(measured: Measured, args: argparse.Namespace) -> list[Row]:
    """One network for all planes against one for each distance (the paper's figure 7)."""
    source, rows = f"{SOURCE} planes", []
    size = replace(args.size, samples=args.size.samples // PLANES_LESS)
    for objective in DEFOCUS_UM:
        pairs = of_objective(measured.simulated, objective)
        for planes in planes_of(objective):
            spec = of_planes(objective, planes, args.few, size, args.keep, args.device)
            fars = sorted({abs(z) for z in planes})
            of = "all planes" if len(fars) > 1 else "its planes alone"
            by = {f"learned of {of}": by_network(spec, args.device)}
            here = [p for p in pairs if abs(p.defocus_um) in fars]
            rows += pair_rows(here, by, source)
    rows.sort(key=lambda one: one.name)
    return [row("planes: samples of each network", float(size.samples), "1", None, source), *rows]


PARTS = {"shipped": shipped, "equal": side_by_side, "planes": one_or_each}


@dataclass
class Measured:
    """What all are tried on, and deconvolution as it was tuned; made when it is asked for."""

    quick: bool
    device: str

    @cached_property
    def simulated(self) -> list[Pair]:
        """A field of each of the 18 conditions."""
        return [*simulated(self._side, self.device)]

    @cached_property
    def copies(self) -> list[Pair]:
        """Real frames."""
        return [*real()][: 6 if self.quick else None]

    @cached_property
    def by_psf(self) -> Restorer:
        """Tuned on other seeds and other frames."""
        return by_psf([*simulated(self._side, self.device, tuning=True), *real("validation")])

    @property
    def _side(self) -> int:
        return SMALL_PX if self.quick else SIDE_PX


def as_it_is(pair: Pair) -> np.ndarray:
    """Nothing done."""
    return pair.blurred


def main() -> None:
    """Measure, print, record."""
    args = part_arguments(
        __doc__.splitlines()[0], PARTS,
        features={"type": int, "default": QUARTER, "help": "of U-Net and ResUNet; 64 in full"},
        samples={"type": int, "default": SAMPLES, "help": "that each network learns of"},
        keep={"type": Path, "help": "folder of networks and checkpoints, to go on from"},
    )  # fmt: skip
    data_folder()  # If there is none, better told now than after the work.
    if (args.features, args.samples) != (QUARTER, SAMPLES):
        args.made["command"] += f" --features {args.features} --samples {args.samples}"
    args.keep = args.keep or args.out / "restorers"
    args.few = FEW_FEATURES if args.quick else PLANES_FEATURES
    args.size = Size(args.samples)
    if args.quick:
        args.features, args.size = FEW_FEATURES, Size(FEW_SAMPLES, 160, 80, 2, 1)
    measured = Measured(args.quick, args.device)
    measure(
        {name: partial(part, measured, args) for name, part in PARTS.items()}, args, plot_restoring
    )


if __name__ == "__main__":
    main()
