"""Pictures of a benchmark, each with its scale bar, and the page that shows them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lensfree_nb.dashboards.figure import scale_bar_um

STYLE = "body{font:16px/1.5 sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}\
img{max-width:100%}figure{margin:2rem 0}figcaption{max-width:60rem}"


@dataclass(frozen=True)
class Plate:
    """One picture file and what it shows."""

    path: Path
    title: str
    caption: str


def draw(
    path: Path,
    images: list[tuple[str, np.ndarray]],
    label: str,
    *,
    pitch_um: float,
    marks: np.ndarray | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Images (y, x) side by side, on one scale of values where `limits` are given."""
    columns = min(4, len(images))
    side = 3.2 if columns > 2 else 6.0
    lines = -(-len(images) // columns)
    figure = Figure(figsize=(side * columns, (side + 0.1) * lines), layout="constrained")
    for axis in figure.subplots(lines, columns, squeeze=False).ravel():
        axis.axis("off")
    for axis, (title, image) in zip(figure.axes, images, strict=False):
        raw = title.startswith("hologram")
        low, high = np.percentile(image, (1, 99.8)) if raw or limits is None else limits
        drawn = axis.imshow(image, cmap="gray" if raw else "magma", vmin=low, vmax=high)
        _scale_bar(axis, image.shape, pitch_um)
        if marks is not None:
            axis.scatter(marks[:, 1], marks[:, 0], s=18, facecolors="none", edgecolors="c", lw=0.5)
        axis.set_title(title, fontsize=9, loc="left")
        figure.colorbar(drawn, ax=axis, shrink=0.8, label="intensity" if raw else label)
    figure.savefig(path, dpi=110)


def write_page(path: Path, heading: str, plates: list[Plate]) -> None:
    """One HTML file that holds every picture and its caption."""
    body = "".join(
        f"<figure><h2>{escape(plate.title)}</h2>"
        f"<img alt='{escape(plate.title)}' src='data:image/png;base64,"
        f"{base64.b64encode(plate.path.read_bytes()).decode()}'>"
        f"<figcaption>{escape(plate.caption)}</figcaption></figure>"
        for plate in plates
    )
    path.write_text(
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(heading)}</title>"
        f"<style>{STYLE}</style><h1>{escape(heading)}</h1>{body}</html>",
        encoding="utf-8",
    )


def _scale_bar(axis, shape: tuple[int, int], pitch_um: float) -> None:
    length_um = scale_bar_um(shape[1] * pitch_um)
    start, width = 0.04 * shape[1], length_um / pitch_um
    low = 0.95 * shape[0]
    axis.plot([start, start + width], [low, low], color="w", lw=5, solid_capstyle="butt")
    axis.plot([start, start + width], [low, low], color="k", lw=2.5, solid_capstyle="butt")
    text = f"{length_um:g} µm" if length_um >= 1 else f"{1000 * length_um:g} nm"
    box = {"facecolor": "k", "alpha": 0.5, "pad": 1, "linewidth": 0}
    axis.text(start, 0.92 * shape[0], text, color="w", fontsize=8, va="bottom", bbox=box)
