"""The task of a network that draws images out of focus as they would be in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from lensfree_nb.checks import check_choice, check_count, check_flag, check_number
from lensfree_nb.refocus.restore import TOLD_IN
from lensfree_nb.refocus.verdict import standardised
from lensfree_nb.train.field_task import check_seeds
from lensfree_nb.train.focus_fields import FocusFields
from lensfree_nb.train.focus_images import FocusSource, Microscopes
from lensfree_nb.train.likeness import LOSSES, structural_similarity
from lensfree_nb.train.shelf import Batch, Shelf
from lensfree_nb.train.sorting import MICROSCOPES

# Of images whose standard deviation is 1: from the darkest to the brightest halo, and where their
# mean lies in it. SSIM compares means as well, and those around 0 have no likeness.
DATA_RANGE: Final = 9.0
LEVEL: Final = DATA_RANGE / 2
# How far off (logarithm) the distance is that a network is told: as a sorter would.
TOLD_OFF: Final = 0.2
TOLD = 41


@dataclass
class Restoring:
    """Examples, loss and scores of networks that restore.

    An image is shown with zero mean and unit deviation; what it would be in focus is on its scale.

    Parameters
    ----------
    seed, validation_seed : int
        Of the fields to learn from, and of those to validate on.
    conditioned : bool
        Whether a network is told how far from the focus an image is, beside the image.
    loss : {"l1", "ssim", "l1+ssim"}
        What is made small (``train.likeness``).
    field_px, planes, sharp, microscopes
        As of :class:`~lensfree_nb.train.focus_images.FocusSource`.
    patch_px : int
        Side of a patch.
    shelf_fields, reuse
        As of :class:`~lensfree_nb.train.shelf.Shelf`.
    validation_fields : int
        Fields to validate on.
    real_every : int
        Every how many fields a part of a real frame comes (``train.real_frames``); 0 is never.
    random_every : int
        Every how many of the others random objects come (``train.random_objects``); 0 is never.
    device : str
        Where torch works.

    Raises
    ------
    ParameterError
        If a number is not above 0, a patch is larger than a field, or the seeds are one.
    """

    seed: int
    validation_seed: int
    conditioned: bool = True
    loss_name: str = "l1+ssim"
    field_px: int = 512
    patch_px: int = 256
    planes: int = 4
    sharp: int = 1
    microscopes: Microscopes = "any"
    shelf_fields: int = 36
    reuse: float = 4.0
    validation_fields: int = 18
    real_every: int = 0
    random_every: int = 0
    device: str = "auto"
    _shelf: Shelf = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name in ("field_px", "shelf_fields", "validation_fields"):
            check_count(name, getattr(self, name), 1)
        check_count("patch_px", self.patch_px, 1, self.field_px)
        check_count("planes", self.planes, 1)
        check_count("sharp", self.sharp, 0, self.planes)
        check_flag("conditioned", self.conditioned)
        check_choice("loss_name", self.loss_name, LOSSES)
        check_choice("microscopes", self.microscopes, MICROSCOPES)
        check_number("reuse", self.reuse, open_low=True)
        check_seeds(self.seed, self.validation_seed)
        check_count("real_every", self.real_every)
        check_count("random_every", self.random_every)
        source = self._source(self.seed, "train")
        each = self.planes * (self.field_px // self.patch_px) ** 2
        self._shelf = Shelf(
            lambda number: self._examples(source, number), self.seed, each, self.shelf_fields,
            self.reuse,
        )  # fmt: skip

    def options(self) -> dict[str, Any]:
        """Inputs and outputs of its networks."""
        return {"task": "restore", "inputs": 1 + self.conditioned, "outputs": 1}

    def batch(self, step: int, size: int) -> Batch:
        """Images and their truths of one step: the same for one step, always."""
        return self._shelf.batch(step, size)

    def validation(self) -> list[Batch]:
        """Patches of fields that are never learned from."""
        source = self._source(self.validation_seed, "validation")
        return [self._examples(source, number) for number in range(self.validation_fields)]

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """That of :data:`lensfree_nb.train.likeness.LOSSES`."""
        return LOSSES[self.loss_name](found + LEVEL, truth + LEVEL, DATA_RANGE)

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the whole validation; the loss is what the best is chosen by."""
        return {
            "loss": float(self.loss(found, truth)),
            "ssim": float(structural_similarity(found + LEVEL, truth + LEVEL, DATA_RANGE)),
            "psnr_db": 10 * math.log10(DATA_RANGE**2 / float(mse_loss(found, truth))),
        }

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """Nothing besides."""
        return {}

    def _source(self, seed: int, part: str) -> FocusFields:
        simulated = FocusSource(
            seed, field_px=self.field_px, planes=self.planes, sharp=self.sharp,
            microscopes=self.microscopes, device=self.device,
        )  # fmt: skip
        return FocusFields(simulated, self.real_every, self.random_every, part)

    def _examples(self, source: FocusFields, number: int) -> Batch:
        """What a network is shown of a field, in patches, and the truth of each."""
        images, away, truth = source.field(number)
        rng = np.random.default_rng([source.simulated.seed, TOLD, number])
        off = torch.from_numpy(np.exp(rng.normal(0, TOLD_OFF, len(away)))).to(away)
        spread, mean = torch.std_mean(images, (-3, -2, -1), correction=0, keepdim=True)
        shown = standardised(images)
        if self.conditioned:
            told = (away * off / TOLD_IN)[:, None, None, None].expand_as(shown)
            shown = torch.cat([shown, told], 1)
        wanted = (truth - mean) / spread
        return self._patches(shown), self._patches(wanted)

    def _patches(self, images: Tensor) -> Tensor:
        side = self.patch_px
        cut = images.unfold(-2, side, side).unfold(-2, side, side)
        return cut.movedim(1, 3).flatten(0, 2).contiguous()
