"""The standard pipeline on phase contrast with manual masks: as far as it can go there.

Phase contrast is no OPD: a cell is neither brighter nor darker than its surroundings, but livelier,
and its halo is the liveliest of all. The pipeline is therefore given the local contrast of
the image. Its settings are chosen on frames 1 to 16 and scored on frames 17 to 26.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from _harness import Row, arguments, data_folder, report, row
from matplotlib.figure import Figure
from scipy import ndimage
from skimage.measure import regionprops_table
from tifffile import imread

from lensfree_nb.evaluate.pairing import pair
from lensfree_nb.quantify.segment import Settings, segment_frame

PITCH_UM = 0.8708
TUNING, SCORED = range(1, 17), range(17, 27)
LIGHT_PX = 40.0
REACH_UM = 25.0
PER_MILLE = 1000.0
SOURCE = "real; python benchmarks/phase_contrast.py"
FOLDER = "cells/phase_contrast_manual_masks"
LEAST_AREA_UM2, QUALITY = 600.0, 4.0


@dataclass(frozen=True)
class Choice:
    """What is chosen: the texture's scale (px) and the pipeline's settings."""

    texture_px: float
    settings: Settings


GRID = [
    Choice(texture, Settings(diameter, QUALITY, threshold, LEAST_AREA_UM2))
    for texture, diameter, threshold in itertools.product(
        (3.0, 4.0, 6.0), (60.0, 80.0), (60.0, 80.0, 110.0)
    )
]


def local_contrast(image: np.ndarray, texture_px: float) -> np.ndarray:
    """Standard deviation (per mille of the light) within `texture_px` of each pixel."""
    flat = image / ndimage.gaussian_filter(image, LIGHT_PX) - 1
    return PER_MILLE * np.sqrt(ndimage.gaussian_filter(flat**2, texture_px))


def load(folder: Path, frame: int) -> tuple[np.ndarray, np.ndarray]:
    image, masks = (imread(folder / f"set{frame:02d}_{kind}.tif") for kind in ("phase", "masks"))
    return image.astype(np.float32), masks.astype(np.int32)


def outlines(image: np.ndarray, choice: Choice) -> np.ndarray:
    return segment_frame(local_contrast(image, choice.texture_px), PITCH_UM, choice.settings)


def centres(labels: np.ndarray) -> pd.DataFrame:
    found = regionprops_table(labels, properties=("centroid",), spacing=(PITCH_UM, PITCH_UM))
    return pd.DataFrame({"y_um": found["centroid-0"], "x_um": found["centroid-1"]})


def score(labels: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Detection within 25 µm, and outlines at an intersection over union of a half."""
    found = pair(centres(labels), centres(masks), REACH_UM)
    overlap = pd.crosstab(labels.ravel(), masks.ravel()).to_numpy()
    union = overlap.sum(1, keepdims=True) + overlap.sum(0, keepdims=True) - overlap
    iou = (overlap / union)[1:, 1:]
    true = int((iou > 0.5).sum())
    cells = sum(iou.shape)
    best = float(iou.max(axis=0).mean()) if iou.size else 0.0
    return {
        "precision": found.precision,
        "recall": found.recall,
        "F1 of outlines": 2 * true / cells if cells else 0.0,
        "best IoU of a cell": best,
    }


def choose(folder: Path, frames: range) -> Choice:
    """The choice with the best mean of detection's and outlines' F1."""
    loaded = [load(folder, frame) for frame in frames]

    def merit(choice: Choice) -> float:
        scores = [score(outlines(image, choice), masks) for image, masks in loaded]
        table = pd.DataFrame(scores).mean()
        p, r = table["precision"], table["recall"]
        return float(table["F1 of outlines"] + (2 * p * r / (p + r) if p + r else 0.0))

    return max(GRID, key=merit)


def draw(folder: Path, choice: Choice, frames: dict[str, int], path: Path) -> None:
    figure = Figure(figsize=(7 * len(frames), 7.3), layout="constrained")
    for axis, (name, frame) in zip(
        figure.subplots(1, len(frames), squeeze=False)[0], frames.items(), strict=True
    ):
        image, masks = load(folder, frame)
        axis.imshow(image, cmap="gray")
        for labels, colour in ((masks, "#00d0d0"), (outlines(image, choice), "#ffb000")):
            edges = labels * (labels == ndimage.grey_erosion(labels, 3))
            axis.contour(edges > 0, [0.5], colors=colour, linewidths=0.8)
        axis.set_title(f"{name}: frame {frame}; manual blue, found orange", loc="left")
        axis.axis("off")
    figure.savefig(path, dpi=90)


def main(folder: Path, out: Path, quick: bool) -> list[Row]:
    choice = choose(folder, TUNING[:1] if quick else TUNING)
    scored = {frame: load(folder, frame) for frame in SCORED}
    scores = pd.DataFrame(
        {frame: score(outlines(image, choice), masks) for frame, (image, masks) in scored.items()}
    ).T
    ranked = scores["F1 of outlines"].sort_values()
    draw(folder, choice, {"best": ranked.index[-1], "worst": ranked.index[0]},
         out / "phase_contrast.png")  # fmt: skip
    rows = [
        row("chosen texture", choice.texture_px, "px", None, SOURCE),
        row("chosen cell diameter", choice.settings.cell_diameter_um, "um", None, SOURCE),
        row("chosen threshold", choice.settings.threshold_nm or 0.0, "per mille", None, SOURCE),
    ]
    for name in scores:
        rows.append(row(f"mean of ten frames: {name}", scores[name].mean(), "1", None, SOURCE))
    for frame, values in scores.iterrows():
        rows += [
            row(f"frame {frame}: {name}", value, "1", None, SOURCE)
            for name, value in values.items()
        ]
    return rows


if __name__ == "__main__":
    args = arguments(__doc__)
    report(main(data_folder() / FOLDER, args.out, args.quick), args)
