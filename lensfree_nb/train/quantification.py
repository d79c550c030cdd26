"""The task of a network that measures cells: from OPD to detections and measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from lensfree_nb.nets.units import OPD_UNIT_NM
from lensfree_nb.quantify.channels import METRICS, targets
from lensfree_nb.simulate.instrument import PAPER_SETUP
from lensfree_nb.train.measuring import MeasuringTask
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
            opd, cells = made.opd_nm, made.cells
        else:
            opd, cells = source.true_opd(number)
        truth = _drawn(cells, len(opd), self.patch_px)
        return opd[:, None] / OPD_UNIT_NM, torch.from_numpy(truth).to(opd.device)


def _drawn(cells: pd.DataFrame, patches: int, side: int) -> NDArray[np.float32]:
    """Targets of all patches of a periodic field; a disc on a border is drawn on both sides."""
    cells = cells[cells["kind"] != DEBRIS]
    along = round(patches**0.5)
    place = np.stack(np.divmod(cells["patch"].to_numpy(), along), 1)
    points = cells[["y_um", "x_um"]].to_numpy() / PAPER_SETUP.pixel_size_um + place * side
    values = cells[list(METRICS)].to_numpy()
    shifts = np.stack(np.meshgrid(*[(-1, 0, 1)] * 2), -1).reshape(-1, 1, 2) * along * side
    points = (points + shifts).reshape(-1, 2)
    near = ((points > -side / 2) & (points < (along + 0.5) * side)).all(1)
    values = np.tile(values, (len(shifts), 1))
    whole = targets(points[near], values[near], (along * side, along * side))
    tiled = whole.reshape(len(whole), along, side, along, side)
    return np.ascontiguousarray(tiled.transpose(1, 3, 0, 2, 4).reshape(patches, -1, side, side))
