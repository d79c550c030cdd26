"""The task of a network that measures cells: from OPD to detections and measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.nets.registry import find_model
from lensfree_nb.nets.units import OPD_UNIT_NM
from lensfree_nb.quantify.channels import MEASURES, METRICS, targets
from lensfree_nb.simulate.instrument import PAPER_SETUP
from lensfree_nb.train.measurement import calibration, measurement_loss, measurement_scores
from lensfree_nb.train.measuring import MeasuringTask
from lensfree_nb.train.patches import PatchSource
from lensfree_nb.train.shelf import Batch
from lensfree_nb.train.threshold import best_threshold

DEBRIS: Final = "debris"


@dataclass
class Quantification(MeasuringTask):
    """Examples, loss and scores of networks that measure cells, learned from simulated truth.

    Half of the fields are what the accelerated method makes of a hologram, by the network `draft`;
    half are the true OPD. Numbers are those of :class:`~lensfree_nb.train.measuring.MeasuringTask`.
    """

    def options(self) -> dict[str, Any]:
        """What a network for it must take and give."""
        return {
            "task": "quantify", "inputs": 1, "outputs": MEASURES.outputs, "metrics": list(METRICS),
            "trained_on": {
                "pixel_size_um": PAPER_SETUP.pixel_size_um, "noise_nm": self.noise_nm,
                "background_nm": self.background_nm,
            },
            "draft_sha256": find_model(str(self.draft)).sha256,
        }  # fmt: skip

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """Of a batch."""
        return measurement_loss(found, truth)

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the whole validation set; ``loss`` is what the best is chosen by."""
        return measurement_scores(found, truth)

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """From when on there is a cell, errors that hold what they claim, and the cells' range."""
        stretch, reach = calibration(found, truth)
        return {
            "least": best_threshold(found[:, 0].sigmoid(), truth[:, 0]), "se_factor": stretch,
            "trained_on": {**self.options()["trained_on"], **reach},
        }  # fmt: skip

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
