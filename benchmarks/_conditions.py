"""The 18 conditions of the focus stacks in one figure, in and out of focus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from _seeds import TEST
from matplotlib.figure import Figure

from lensfree_nb.simulate.focus_stack import CELL_TYPES, CONDITIONS, DEFOCUS_UM, focus_stack

SHAPE = (240, 240)


def conditions(path: Path) -> None:
    """Draw each condition in focus (left half) and at its farthest defocus (right half)."""
    figure = Figure(figsize=(15, 8), layout="constrained")
    columns = len(CONDITIONS) // len(CELL_TYPES)
    axes = figure.subplots(len(CELL_TYPES), columns)
    for axis in axes.flat:
        axis.axis("off")
    for number, condition in enumerate(CONDITIONS):
        rng = np.random.default_rng([TEST["simulator"], number])
        far = DEFOCUS_UM[condition.objective][-1]
        ds = focus_stack(
            condition.cells(SHAPE, rng=rng), SHAPE, (0.0, far), rng=rng,
            objective=condition.objective, surface=condition.substrate,
        )  # fmt: skip
        left, right = ds["image"].values[:, 0]
        both = np.concatenate([left[:, :120], right[:, 120:]], 1)
        line = list(CELL_TYPES).index(condition.cell_type)
        place = [c for c in CONDITIONS if c.cell_type == condition.cell_type].index(condition)
        axis = axes[line, place]
        axis.imshow(both, cmap="gray", vmin=0.1, vmax=0.8)
        name = (
            f"{condition.cell_type}, {condition.objective}\n{condition.substrate}, 0 | {far:g} um"
        )
        axis.set_title(name, fontsize=8)
    figure.suptitle("simulated phase contrast, in focus (left halves) and out of it (right halves)")
    figure.savefig(path, dpi=100)
