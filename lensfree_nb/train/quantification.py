"""The task of a network that measures cells: from OPD to detections and measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.nets.units import OPD_UNIT_NM
from lensfree_nb.quantify.channels import GROUND, METRICS, STEP_PX, targets
from lensfree_nb.simulate.ground import NOBODY, Ground
from lensfree_nb.simulate.instrument import PAPER_SETUP
from lensfree_nb.train.measuring import MeasuringTask, of_whole_cells
from lensfree_nb.train.patches import PatchSource
from lensfree_nb.train.shelf import Batch

DEBRIS: Final = "debris"


@dataclass
class Quantification(MeasuringTask):
    """Examples, loss and scores of networks that measure cells, learned from simulated truth.

    Half of the fields are what the accelerated method makes of a hologram, by the network `draft`;
    half are the true OPD. Numbers are those of :class:`~lensfree_nb.train.measuring.MeasuringTask`.
    """

    def pair(self, source: PatchSource, number: int) -> Batch:
        """Of fields with odd numbers the OPD went through a hologram and back."""
        if number % 2:
            made = source.field(number)
            opd, cells, ground = made.opd_nm, made.cells, made.ground
        else:
            opd, cells, ground = source.true_opd(number)
        truth = torch.from_numpy(_drawn(cells, len(opd), self.patch_px)).to(opd.device)
        truth[:, -GROUND:] = _ground(cells, ground, self.patch_px)
        return opd[:, None] / OPD_UNIT_NM, truth


def _drawn(cells: pd.DataFrame, patches: int, side: int) -> NDArray[np.float32]:
    """Targets of all patches of a periodic field; a disc on a border is drawn on both sides."""
    cells = cells[cells["kind"] != DEBRIS]
    along = round(patches**0.5)
    points = _points_px(cells, along, side)
    values = of_whole_cells(points, cells[list(METRICS)].to_numpy(), side)
    shifts = np.stack(np.meshgrid(*[(-1, 0, 1)] * 2), -1).reshape(-1, 1, 2) * along * side
    points = (points + shifts).reshape(-1, 2)
    near = ((points > -side / 2) & (points < (along + 0.5) * side)).all(1)
    values = np.tile(values, (len(shifts), 1))
    whole = targets(points[near], values[near], (along * side, along * side))
    tiled = whole.reshape(len(whole), along, side, along, side)
    return np.ascontiguousarray(tiled.transpose(1, 3, 0, 2, 4).reshape(patches, -1, side, side))


def _ground(cells: pd.DataFrame, ground: Ground, side: int) -> Tensor:
    """Of each pixel the steps to its cell's centroid, whether it is inside, and the cell's OPD.

    (patch, 4, y, x), as ``quantify.channels`` has it. Debris is nobody.
    """
    patches, device = len(ground.owner), ground.owner.device
    along = round(patches**0.5)
    living = torch.tensor((cells["kind"] != DEBRIS).tolist(), device=device)
    owned = ground.owner != NOBODY
    owned &= living[ground.owner.clamp(min=0)]
    points = torch.from_numpy(_points_px(cells, along, side)).to(device).float()
    corner = torch.stack([torch.arange(patches) // along, torch.arange(patches) % along])
    steps = [torch.arange(side).view(shape) for shape in ((side, 1), (1, side))]
    here = torch.stack(
        [(at[:, None, None] * side + step).expand(-1, side, side)
         for at, step in zip(corner, steps, strict=True)], 1,
    ).to(device)  # fmt: skip
    centroid = points[ground.owner.clamp(min=0)].movedim(-1, 1)
    period = along * side
    step = (centroid - here + period / 2) % period - period / 2
    step = torch.where(owned[:, None], step / STEP_PX, torch.nan)
    inside, own = (torch.where(owned, part, 0.0) for part in (ground.inside, ground.own_nm))
    return torch.cat([step, inside[:, None], own[:, None] / OPD_UNIT_NM], 1)


def _points_px(cells: pd.DataFrame, along: int, side: int) -> NDArray[np.float64]:
    """Centroids in the whole field (n, 2)."""
    place = np.stack(np.divmod(cells["patch"].to_numpy(), along), 1)
    points = cells[["y_um", "x_um"]].to_numpy() / PAPER_SETUP.pixel_size_um
    return np.asarray(points + place * side)
