"""The task of a network that draws images out of focus as they would be in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from lensfree_nb.checks import check_choice, check_count, check_flag
from lensfree_nb.refocus.restore import TOLD_IN
from lensfree_nb.refocus.verdict import standardised
from lensfree_nb.train.focus_fields import FocusFields
from lensfree_nb.train.focus_images import FocusSource
from lensfree_nb.train.focus_task import FocusTask
from lensfree_nb.train.likeness import LOSSES, structural_similarity
from lensfree_nb.train.shelf import Batch

# Of images whose standard deviation is 1: from the darkest to the brightest halo, and where their
# mean lies in it. SSIM compares means as well, and those around 0 have no likeness.
DATA_RANGE: Final = 9.0
LEVEL: Final = DATA_RANGE / 2
# How far off the distance is that a network is told, as a sorter would be: by a share of it
# (logarithm), and by depths of field, which near the focus is more.
TOLD_OFF: Final = (0.2, 0.2)
TOLD = 41
# What is no matter where images differ by less: an SSIM of 0.995.
LEAST: Final = {"l1": 0.005, "ssim": 0.005, "l1+ssim": 0.5}


@dataclass
class Restoring(FocusTask):
    """Examples, loss and scores of networks that restore.

    An image is shown with zero mean and unit deviation; what it would be in focus is on its scale.

    Parameters
    ----------
    conditioned : bool
        Whether a network is told how far from the focus an image is, beside the image.
    loss_name : {"l1", "ssim", "l1+ssim"}
        What is made small (``train.likeness``).
    relative : bool
        Whether of each image the share of it is counted that is left of what defocus made; else
        images far from the focus decide, and those near it come out worse than they were.
    patch_px : int
        Side of a patch.
    sharp : int
        As of :class:`~lensfree_nb.train.focus_images.FocusSource`.
    seed, validation_seed, ...
        As of :class:`~lensfree_nb.train.focus_task.FocusTask`.

    Raises
    ------
    ParameterError
        If a number is not above 0, a patch is larger than a field, or the seeds are one.
    """

    conditioned: bool = True
    loss_name: str = "l1+ssim"
    relative: bool = False
    patch_px: int = 256
    sharp: int = 1
    validation_fields: int = 18

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        check_count("field_px", self.field_px, 1)
        check_count("patch_px", self.patch_px, 1, self.field_px)
        check_count("planes", self.planes, 1)
        check_count("sharp", self.sharp, 0, self.planes)
        check_flag("conditioned", self.conditioned)
        check_flag("relative", self.relative)
        check_choice("loss_name", self.loss_name, LOSSES)
        super().__post_init__()

    @property
    def examples_a_field(self) -> int:
        """Patches of all planes."""
        return self.planes * (self.field_px // self.patch_px) ** 2

    def options(self) -> dict[str, Any]:
        """Inputs and outputs of its networks."""
        return {"task": "restore", "inputs": 1 + self.conditioned, "outputs": 1}

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """That of :data:`lensfree_nb.train.likeness.LOSSES`, of all images alike or relative."""
        wanted, *before = torch.split(truth, 1, 1)
        left = self._unlike(found, wanted)
        if before:
            left = left / (self._unlike(before[0], wanted) + LEAST[self.loss_name])
        return left.mean()

    def _unlike(self, found: Tensor, wanted: Tensor) -> Tensor:
        return LOSSES[self.loss_name](found + LEVEL, wanted + LEVEL, DATA_RANGE)

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the whole validation; the loss is what the best is chosen by."""
        wanted = truth[:, :1]
        alike = structural_similarity(found + LEVEL, wanted + LEVEL, DATA_RANGE)
        return {
            "loss": float(self.loss(found, truth)),
            "ssim": float(alike.mean()),
            "psnr_db": 10 * math.log10(DATA_RANGE**2 / float(mse_loss(found, wanted))),
        }

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """Nothing besides."""
        return {}

    def source(self, seed: int) -> FocusSource:
        """Simulated fields of a seed, at any distance: also where one may doubt that it blurs."""
        return FocusSource(
            seed, field_px=self.field_px, planes=self.planes, sharp=self.sharp, gap=False,
            microscopes=self.microscopes, device=self.device,
        )  # fmt: skip

    def examples(self, fields: FocusFields, number: int) -> Batch:
        """What a network is shown of a field, in patches, and the truth of each."""
        images, away, truth = fields.field(number)
        rng = np.random.default_rng([fields.simulated.seed, TOLD, number])
        share, more = torch.from_numpy(rng.normal(0, TOLD_OFF, (len(away), 2))).to(away).mT
        spread, mean = torch.std_mean(images, (-3, -2, -1), correction=0, keepdim=True)
        shown = standardised(images)
        wanted = (truth - mean) / spread
        if self.relative:  # to tell what was lost, an image as it is comes with the truth
            wanted = torch.cat([wanted, shown], 1)
        if self.conditioned:
            told = (away * share.exp() + more).clamp(min=0) / TOLD_IN
            told = told[:, None, None, None].expand_as(shown)
            shown = torch.cat([shown, told], 1)
        return self._patches(shown), self._patches(wanted)

    def _patches(self, images: Tensor) -> Tensor:
        side = self.patch_px
        cut = images.unfold(-2, side, side).unfold(-2, side, side)
        return cut.movedim(1, 3).flatten(0, 2).contiguous()
