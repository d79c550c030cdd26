"""The task of a network that measures cells: from OPD to detections and measurements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lensfree_nb.nets.units import OPD_UNIT_NM, PITCH_UM
from lensfree_nb.quantify.channels import MEASURES, METRICS, targets
from lensfree_nb.reconstruct.alternation import accelerated, reference
from lensfree_nb.simulate.ground import Ground
from lensfree_nb.train.field_task import IN_TURN
from lensfree_nb.train.measuring import MeasuringTask, ground_targets, of_whole_cells
from lensfree_nb.train.patches import PatchSource
from lensfree_nb.train.shelf import Batch
from lensfree_nb.train.spread import Told
from lensfree_nb.train.variety import PAPER

DEBRIS: Final = "debris"


@dataclass
class Quantification(MeasuringTask):
    """Examples, loss and scores of networks that measure cells, learned from simulated truth.

    Half of the fields are what the reference method makes of a hologram, by the network `draft`, a
    quarter what the accelerated one makes, a quarter the true OPD. Of each, half are of any
    microscope and culture, half of the paper's.
    Numbers are those of :class:`~lensfree_nb.train.measuring.MeasuringTask`.
    """

    def sources(self, seed: int) -> list[PatchSource]:
        """Any microscope and culture, and the paper's: these err less, and look no different."""
        source = self.source(seed)
        return [source, replace(source, variety=PAPER)]

    def told(self, source: PatchSource, number: int) -> Told:
        """Of four fields one is true OPD; all others went through a hologram and back."""
        made_by = reference if number % 2 else accelerated
        seen = (
            source.opd_by(number, made_by(self.drafter()))
            if number % IN_TURN
            else source.true_opd(number)
        )
        truth = _drawn(seen.cells, seen.ground, self.field_px, self.patch_px).to(seen.opd_nm.device)
        patches = source.cut(truth).movedim(0, 1).contiguous()
        return Told(seen.opd_nm[:, None] / OPD_UNIT_NM, patches, seen.residual)

    def pair(self, source: PatchSource, number: int) -> Batch:
        """As :meth:`told`, without the residual."""
        return self.told(source, number)[:2]


def _drawn(cells: pd.DataFrame, ground: Ground, field: int, side: int) -> Tensor:
    """Targets of a periodic field (channel, y, x); a disc on its border is drawn on both sides."""
    place = np.stack(np.divmod(cells["patch"].to_numpy(), field // side), 1)
    points = cells[["y_um", "x_um"]].to_numpy() / PITCH_UM + place * side
    living = (cells["kind"] != DEBRIS).to_numpy()
    values = of_whole_cells(points, cells[list(METRICS)].to_numpy(), side)[living]
    shifts = np.stack(np.meshgrid(*[(-1, 0, 1)] * 2), -1).reshape(-1, 1, 2) * field
    copies = (points[living] + shifts).reshape(-1, 2)
    near = ((copies > -side / 2) & (copies < field + side / 2)).all(1)
    values = np.tile(values, (len(shifts), 1))
    drawn = torch.from_numpy(targets(copies[near], values[near], (field, field)))
    drawn[-MEASURES.ground :] = ground_targets([ground], points, living, MEASURES, periodic=True)
    return drawn
