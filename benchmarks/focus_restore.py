"""Defocused images restored: networks and deconvolution, side by side.

Simulated fields of the 18 conditions of Xue 2021 out of focus as there; five real frames, taken
out of focus by a model; and a real stack, where the next plane tells how like two images of one
field can be. SSIM and PSNR over the range of the focused image. Then what restoring does to
segmentation (against masks drawn by hand), and whether the sorter still tells restored images.

Networks of the paper's kind are measured where `benchmarks/weights` holds them. `--quick` takes
few and small images.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr
from _harness import Row, arguments, data_folder, report, row
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
    likeness,
    real,
    restorers,
    simulated,
)  # fmt: skip
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import remove_small_objects

from lensfree_nb.nets.registry import find_model, load_network
from lensfree_nb.refocus.sort import sort
from lensfree_nb.train.sorting import area_under_curve

COMMAND = "python benchmarks/focus_restore.py"
SOURCE, REAL = f"simulated; {COMMAND}", f"real; {COMMAND}"
COPIES = f"real, defocused by a model; {COMMAND}"
FULL_RESUNET = 32_427_685
# A cell is rough over some pixels; what is smaller than a part of a cell is dirt.
ROUGH_PX, LEAST_CELL_PX = 4.0, 400


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
        if name == OURS:
            bar = f">= {max(others):.6g}"
        elif name not in (BLURRED, DECONVOLVED):
            bar = f">= {means[where, DECONVOLVED][0]:.6g}"
        rows += [
            row(f"{where}: {name}, SSIM", float(alike), "1", bar, source),
            row(f"{where}: {name}, PSNR", float(psnr), "dB", None, source),
        ]
    return rows


def stack_rows(by: dict[str, Restorer]) -> list[Row]:
    """Each plane restored, against the sharpest; the planes next to it as the ceiling."""
    planes = stack(data_folder())
    focused = planes[SHARPEST]
    rows = [
        row(f"stack: plane {n} as it is, SSIM to plane {SHARPEST}",
            likeness(planes[n], focused).ssim, "1", None, REAL)
        for n in (SHARPEST - 1, SHARPEST + 1)
    ]  # fmt: skip
    for number in (0, 2, 4, 8, 12):
        pair = Pair(planes[number], focused, 0.0, "")
        for name, restored in by.items():
            # Nobody knows the distances of its planes: there is no Gaussian for them.
            if name != DECONVOLVED:
                found = likeness(restored(pair), focused).ssim
                rows.append(row(f"stack: plane {number}, {name}, SSIM", found, "1", None, REAL))
    return rows


def downstream_rows(pairs: list[Pair], ours: Restorer) -> list[Row]:
    """Dice of the area that cells cover, segmented of the image as it is, blurred and restored."""
    outlined = [each > 0 for each in masks(data_folder(), "test")]
    images = frames(data_folder(), "test")
    rows = [
        row("cells segmented in focus, Dice",
            float(np.mean([dice(covered(i), m) for i, m in zip(images, outlined, strict=True)])),
            "1", None, REAL)
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
                row(f"cells segmented at {far:g} um, {name}, Dice", float(found), "1", None, COPIES)
            )
    return rows


def covered(image: np.ndarray) -> np.ndarray:
    """Where cells are: an image is rougher there (as Jaccard et al., Biotechnol. Bioeng. 2014)."""
    flat = image - ndimage.gaussian_filter(image, 8 * ROUGH_PX)
    rough = np.sqrt(ndimage.gaussian_filter(flat**2, ROUGH_PX))
    found = ndimage.binary_fill_holes(rough > threshold_otsu(rough))
    return remove_small_objects(found, max_size=LEAST_CELL_PX)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Twice what both cover over what each covers."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


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


def main() -> None:
    """Measure, print, record."""
    args = arguments(__doc__.splitlines()[0])
    data_folder()  # If there is none, better told now than after the work.
    side = SMALL_PX if args.quick else SIDE_PX
    tune = [*simulated(side, args.device, tuning=True), *real("validation")]
    by = restorers(tune, args.device)
    network = load_network(find_model(OURS), "cpu")
    size = sum(part.numel() for part in network.parameters())
    held = [*simulated(side, args.device)]
    copies = [*real()][: 6 if args.quick else None]
    ours = by_network(OURS, args.device)
    report(
        [
            row(f"{OURS}: parameters", float(size), "1", f"<= {FULL_RESUNET // 4}", SOURCE),
            *pair_rows(held, by, SOURCE),
            *pair_rows(copies, by, COPIES),
            *stack_rows(by),
            *([] if args.quick else downstream_rows(copies, ours)),
            *fooled_rows(held, ours, args.device, SOURCE),
            *fooled_rows(copies, ours, args.device, COPIES),
        ],
        args,
    )


if __name__ == "__main__":
    main()
