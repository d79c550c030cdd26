"""The task of a network between two inversions: from a short one to the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from lensfree_nb.checks import check_choice
from lensfree_nb.nets.registry import find_model
from lensfree_nb.nets.units import OPD_UNIT_NM
from lensfree_nb.simulate.instrument import PAPER_SETUP
from lensfree_nb.train.field_task import FieldTask
from lensfree_nb.train.patches import FIELDS_AN_INSTRUMENT, PatchSource
from lensfree_nb.train.shelf import Batch
from lensfree_nb.train.variety import DISTANCES_UM

# What every training microscope has in common (``variety.any_instrument``).
TRAINED_ON: Final = {
    "wavelength_nm": list(PAPER_SETUP.wavelength_nm), "pixel_size_um": PAPER_SETUP.pixel_size_um,
    "distance_um": list(DISTANCES_UM),
}  # fmt: skip
CHANNELS: Final = {"estimate": 2, "fields": 8}
# Squared below 10 nm, straight above: a few round cells must not drown the rest.
KNEE_NM: Final = 10.0
ABSORPTION_WEIGHT: Final = 2.0
THIN_NM, FAINT_NM = 250.0, (3.0, 15.0)


@dataclass
class Reconstruction(FieldTask):
    """Examples, loss and scores of networks that correct OPD and absorption.

    With a `draft` it draws half of the fields once before: what is trained is then good for two
    passes.

    Parameters
    ----------
    channels : {"fields", "estimate"}
        What the network is shown: everything of ``reconstruct.network_input``, or OPD and
        absorption alone.
    seed, validation_seed, field_px, patch_px, iterations, shelf_fields, reuse, validation_fields, \
bank_cells, draft, device
        As of :class:`~lensfree_nb.train.field_task.FieldTask`.
    """

    channels: Literal["estimate", "fields"] = "fields"

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        check_choice("channels", self.channels, CHANNELS)
        super().__post_init__()

    def options(self) -> dict[str, Any]:
        """What a network for it must take and give."""
        return {
            "task": "reconstruct", "inputs": CHANNELS[self.channels], "outputs": 2,
            "channels": self.channels, "iterations": self.iterations, "trained_on": TRAINED_ON,
            "passes": 2 if self.draft else 1,
            "draft_sha256": find_model(self.draft).sha256 if self.draft else None,
        }  # fmt: skip

    def validation(self) -> list[Batch]:
        """Inputs and truths of each field to validate on: each of another microscope."""
        source = self.source(self.validation_seed)
        numbers = range(0, self.validation_fields * FIELDS_AN_INSTRUMENT, FIELDS_AN_INSTRUMENT)
        passes = range(2 if self.draft else 1)
        return [self.pair(source, n + again) for again in passes for n in numbers]

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """Of a batch: OPD (100 nm) and absorption."""
        knee = KNEE_NM / OPD_UNIT_NM
        opd, absorption = (smooth_l1_loss(found[:, k], truth[:, k], beta=knee) for k in range(2))
        return opd + ABSORPTION_WEIGHT * absorption

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the whole validation set; ``rmse_nm`` is what the best is chosen by."""
        mine, true = found[:, 0].double() * OPD_UNIT_NM, truth[:, 0].double() * OPD_UNIT_NM
        gap, thin = (mine - true) ** 2, true < THIN_NM
        faint = (true > FAINT_NM[0]) & (true < FAINT_NM[1])
        centred = true[faint] - true[faint].mean()
        return {
            "rmse_nm": float(gap.mean().sqrt()),
            "rmse_thin_nm": float(gap[thin].mean().sqrt()),
            "rmse_thick_nm": float(gap[~thin].mean().sqrt()),
            "faint_slope": float((centred * mine[faint]).sum() / (centred**2).sum()),
        }

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """Nothing more."""
        return {}

    def pair(self, source: PatchSource, number: int) -> Batch:
        """What a network is shown of a field's patches, and their truth."""
        made = source.field(number)
        truth = torch.stack([made.truth_opd_nm / OPD_UNIT_NM, made.truth_absorption], 1)
        return made.inputs[:, : CHANNELS[self.channels]], truth
