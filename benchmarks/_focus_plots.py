"""Plots of what the benchmarks of focus printed: as Xue 2021 shows it in figures 3 to 5 and 7."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _harness import Row

# Not at once: machines that lend a GPU have no Matplotlib, and measure all the same.
if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COPIES = "(real: defocused by a model)"
Values = Mapping[str, float]


def plot_sorting(rows: Iterable[Row], folder: Path) -> None:
    """Folds, resize against crop, transfer, and the real stack, as far as they were measured."""
    from matplotlib.figure import Figure

    values = _values(rows)
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    _lines(axes[0], values, r"(.+): accuracy, fold (\d+)", "fold", "accuracy (simulated)")
    _bars(axes[1], values, r"SDCNN, fold 0, (resize|crop): (accuracy|AUC)", "134 px (simulated)")
    _lines(
        axes[2], values, r"(.+: from nothing|.+: transferred), (\d+) images: accuracy",
        "images to learn from", "accuracy (simulated)",
    )  # fmt: skip
    if axes[2].lines:
        axes[2].set_xscale("log", base=2)
    _lines(
        axes[3], values, r"stack, focus: (focus|defocus) of plane (\d+)", "plane of the real stack",
        "probability; depths of field",
    )  # fmt: skip
    _write(figure, folder / "focus_sort.png")


def plot_restoring(rows: Iterable[Row], folder: Path) -> None:
    """SSIM by what the images are: as shipped, on equal samples, and one network or several."""
    from matplotlib.figure import Figure

    values = _values(rows)
    figure = Figure(figsize=(11, 12), layout="constrained")
    axes = figure.subplots(3, 1)
    where = r"((?:simulated|real), [\w./]+, \d+ um): "
    _bars(axes[0], values, rf"{where}(?!learned)(.+), SSIM", f"SSIM, as it ships\n{COPIES}")
    _bars(axes[1], values, rf"equal samples, {where}(.+), SSIM", f"SSIM, equal samples\n{COPIES}")
    _bars(
        axes[2],
        values,
        rf"{where}(learned .+), SSIM",
        "SSIM, one for all or one for each\n(simulated)",
    )
    _write(figure, folder / "focus_restore.png")


def _values(rows: Iterable[Row]) -> Values:
    return {row.name: float(row.value) for row in rows}


def _found(values: Values, pattern: str) -> list[tuple[tuple[Any, ...], float]]:
    matches = ((re.fullmatch(pattern, name), value) for name, value in values.items())
    return [(match.groups(), value) for match, value in matches if match]


def _lines(axis: Axes, values: Values, pattern: str, x: str, y: str) -> None:
    """A line for each of the first groups, along the second."""
    found = _found(values, pattern)
    for name in dict.fromkeys(groups[0] for groups, _ in found):
        points = sorted((int(groups[1]), value) for groups, value in found if groups[0] == name)
        axis.plot(*zip(*points, strict=True), "o-", ms=4, label=name)
    axis.xaxis.get_major_locator().set_params(integer=True)
    _named(axis, x, y)


def _bars(axis: Axes, values: Values, pattern: str, y: str) -> None:
    """A group for each of the first groups, a bar for each of the second."""
    found = dict(_found(values, pattern))
    groups, kinds = (list(dict.fromkeys(key[n] for key in found)) for n in (0, 1))
    for number, kind in enumerate(kinds):
        at = [n + (number - (len(kinds) - 1) / 2) * 0.8 / len(kinds) for n in range(len(groups))]
        high = [found.get((group, kind), float("nan")) for group in groups]
        axis.bar(at, high, 0.8 / len(kinds), label=kind)
    axis.set_xticks(range(len(groups)), [group.replace(", ", "\n") for group in groups])
    _named(axis, "", y)


def _named(axis: Axes, x: str, y: str) -> None:
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7)
    else:
        axis.text(0.5, 0.5, "not measured", ha="center", transform=axis.transAxes)


def _write(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f"plotted: {path.name}")
