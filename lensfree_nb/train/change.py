"""The task of a network that sees what becomes of cells between two frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
import torch

from lensfree_nb.nets.units import OPD_UNIT_NM, PITCH_UM
from lensfree_nb.quantify.channels import CHANGES, Channels, targets
from lensfree_nb.simulate.dish import culture, with_debris
from lensfree_nb.simulate.ground import draw_owned
from lensfree_nb.simulate.render import Field
from lensfree_nb.simulate.truth import measured
from lensfree_nb.train.measuring import MeasuringTask, ground_targets, of_whole_cells
from lensfree_nb.train.patches import PatchSource
from lensfree_nb.train.shelf import Batch
from lensfree_nb.train.variety import any_density, odder

MOMENTS: Final = 3
MARGIN_UM, DEBRIS_PER_MM2 = 60.0, 40.0
SPREAD: Final = ("adherent", "epithelial", "spindle")
MOST_ROUND, MOST_PILED = 0.3, 0.25
# Standard deviations over the cells of a field, each drawn evenly in its logarithm: how far they
# move along y and x (um), and by how much they stretch and grow (relative).
MOVES_UM, STRETCHES, GROWTHS = (0.3, 6.0), (0.01, 0.15), (0.003, 0.1)
DRIFT_UM, TURN_RAD = 2.0, 0.1
HURRIED, HURRY = 0.1, 3.0


@dataclass
class Change(MeasuringTask):
    """Examples, loss and scores of networks for ``changes``: simulated truth at two moments.

    The OPD is the true one, with noise and a slow background of each frame's own. Numbers are those
    of :class:`~lensfree_nb.train.measuring.MeasuringTask`.
    """

    task: ClassVar[str] = "change"
    inputs: ClassVar[int] = 2
    channels: ClassVar[Channels] = CHANGES
    needs_draft: ClassVar[bool] = False

    def pair(self, source: PatchSource, number: int) -> Batch:
        """Patches at two moments, and what became of the cells of the first."""
        rng = np.random.default_rng([source.seed, MOMENTS, number])
        shape = (self.field_px, self.field_px)
        now, later = moments(shape, rng)
        field = Field(shape, PITCH_UM)
        drawings, grounds = zip(*(draw_owned(table, field) for table in (now, later)), strict=True)
        opd = torch.stack(drawings)
        living = (now["kind"] != "debris").to_numpy()
        both = [table[living] for table in (now, later)]
        change = np.stack(
            [
                (both[1][name] - both[0][name]).to_numpy()
                for name in ("y_um", "x_um", "major_axis_um", "dry_mass_pg")
            ],
            1,
        )
        points = both[0][["y_um", "x_um"]].to_numpy() / PITCH_UM
        change = of_whole_cells(points, change, self.patch_px)
        drawn = torch.from_numpy(targets(points, change, shape, CHANGES))
        everything = now[["y_um", "x_um"]].to_numpy() / PITCH_UM
        drawn[-CHANGES.ground :] = ground_targets(grounds, everything, living, CHANGES)
        inputs, truth = (source.cut(image).movedim(0, 1) for image in (opd, drawn))
        return inputs.contiguous() / OPD_UNIT_NM, truth.contiguous()


def moments(shape: tuple[int, int], rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same cells twice, row by row: before and after they moved, stretched and grew.

    Parameters
    ----------
    shape : (int, int)
        Of the field (px); cells lie around it, too.
    rng : numpy Generator
        Source of every random number.
    """
    share = float(rng.uniform(0, MOST_ROUND))
    kinds = {str(rng.choice(SPREAD)): 1 - share, "round": share}
    cells = culture(
        shape, any_density(rng), rng=rng, kinds=kinds, margin_um=MARGIN_UM,
        spacing_um=float(rng.uniform(12, 25)), contact=float(rng.uniform(0.5, 1)),
        piled=float(rng.uniform(0, MOST_PILED)),
    )  # fmt: skip
    now = with_debris(odder(cells, rng), shape, DEBRIS_PER_MM2 * rng.random(), rng=rng)
    return now, measured(_moved(now, rng))


def _moved(now: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    count = len(now)

    def spread(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    hurry = np.where(rng.random(count) < HURRIED, HURRY, 1.0)[:, None]
    steps = spread(*MOVES_UM) * hurry * rng.standard_normal((count, 2))
    steps += DRIFT_UM * rng.standard_normal(2)
    stretch = np.exp(spread(*STRETCHES) * rng.standard_normal(count))
    growth = np.exp(spread(*GROWTHS) * rng.standard_normal(count))
    return now.assign(
        y_um=now["y_um"] + steps[:, 0], x_um=now["x_um"] + steps[:, 1],
        angle_rad=now["angle_rad"] + TURN_RAD * rng.standard_normal(count),
        semi_major_um=now["semi_major_um"] * stretch, semi_minor_um=now["semi_minor_um"] / stretch,
        height_nm=now["height_nm"] * growth, nucleus_nm=now["nucleus_nm"] * growth,
    )  # fmt: skip
