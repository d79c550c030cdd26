"""The task of a network that measures cells: from OPD to detections and measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.registry import find_model
from lensfree_nb.nets.units import OPD_UNIT_NM
from lensfree_nb.quantify.channels import LOG_SE, METRICS, OUTPUTS, targets
from lensfree_nb.simulate.instrument import PAPER_SETUP
from lensfree_nb.train.field_task import FieldTask
from lensfree_nb.train.patches import FIELDS_AN_INSTRUMENT, PatchSource
from lensfree_nb.train.shelf import Batch

DEBRIS: Final = "debris"
# How strongly a spread that is learned holds back what is uncertain: Seitzer et al., ICLR 2022.
BETA: Final = 0.5
DETECTION_WEIGHT: Final = 5.0
COARSE_PX: Final = 64


@dataclass
class Quantification(FieldTask):
    """Examples, loss and scores of networks that measure cells, learned from simulated truth.

    Half of the fields are what the accelerated method makes of a hologram, by the network `draft`;
    half are the true OPD. Three patches in four get noise, and three in four a slow background.

    Parameters
    ----------
    noise_nm, background_nm : float
        The most that is added (standard deviations).
    seed, validation_seed, field_px, patch_px, iterations, shelf_fields, reuse, validation_fields, \
bank_cells, draft, device
        As of :class:`~lensfree_nb.train.field_task.FieldTask`; a draft there must be.
    """

    noise_nm: float = 20.0
    background_nm: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if not self.draft:
            raise ParameterError("draft is missing: name the network that reconstructs the OPD")
        super().__post_init__()

    def options(self) -> dict[str, Any]:
        """What a network for it must take and give."""
        return {
            "task": "quantify", "inputs": 1, "outputs": OUTPUTS, "metrics": list(METRICS),
            "trained_on": {
                "pixel_size_um": PAPER_SETUP.pixel_size_um, "noise_nm": self.noise_nm,
                "background_nm": self.background_nm,
            },
            "draft_sha256": find_model(str(self.draft)).sha256,
        }  # fmt: skip

    def batch(self, step: int, size: int) -> Batch:
        """OPD (100 nm), worsened, and targets of one step: the same for one step, always."""
        inputs, truths = super().batch(step, size)
        rng = np.random.default_rng([self.seed, step, size])
        return self._worsened(inputs, rng), truths

    def validation(self) -> list[Batch]:
        """OPD and targets of fields to validate on, as they are and worsened."""
        source = self.source(self.validation_seed)
        found = []
        for n in range(self.validation_fields):
            number = n * FIELDS_AN_INSTRUMENT + 1
            inputs, truth = self.pair(source, number)
            rng = np.random.default_rng([self.validation_seed, number])
            found += [(inputs, truth), (self._worsened(inputs, rng), truth)]
        return found

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """Of a batch: detection everywhere, measurements on the discs."""
        detected = _detection_loss(found[:, 0], truth[:, 0])
        on = truth[:, 1:].isfinite()
        error = torch.where(on, found[:, 1 : 1 + len(METRICS)] - truth[:, 1:].nan_to_num(), 0.0)
        log_se = found[:, 1 + len(METRICS) :].clamp(*LOG_SE)
        each = 0.5 * (error / log_se.exp()).square() + log_se
        each = each * log_se.detach().exp() ** (2 * BETA)
        return DETECTION_WEIGHT * detected + (each * on).sum() / on.sum().clamp(min=1)

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the whole validation set; ``loss`` is what the best is chosen by."""
        said = {"loss": float(self.loss(found, truth))}
        said["detection"] = float(_detection_loss(found[:, 0], truth[:, 0]))
        for k, metric in enumerate(METRICS, start=1):
            on = truth[:, k].isfinite()
            error = (found[:, k] - truth[:, k])[on].double()
            log_se = found[:, k + len(METRICS)].clamp(*LOG_SE)[on].double()
            said[f"{metric}_percent"] = 100 * float(error.square().mean().sqrt())
            said[f"{metric}_inside_1_se"] = float((error.abs() < log_se.exp()).double().mean())
        return said

    def pair(self, source: PatchSource, number: int) -> Batch:
        """Of fields with odd numbers the OPD went through a hologram and back."""
        if number % 2:
            made = source.field(number)
            opd, cells = made.opd_nm, made.cells
        else:
            opd, cells = source.true_opd(number)
        truth = _drawn(cells, len(opd), self.patch_px)
        return opd[:, None] / OPD_UNIT_NM, torch.from_numpy(truth).to(opd.device)

    def _worsened(self, inputs: Tensor, rng: np.random.Generator) -> Tensor:
        """With noise and a slow background on three patches in four."""
        count, side = len(inputs), inputs.shape[-1]
        noise, slow = (
            np.where(rng.random(count) < 0.25, 0.0, rng.uniform(0, most / OPD_UNIT_NM, count))
            for most in (self.noise_nm, self.background_nm)
        )
        generator = torch.Generator(inputs.device).manual_seed(int(rng.integers(2**62)))
        coarse = -(-side // COARSE_PX) + 2

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, device=inputs.device)

        def each(scale: NDArray[np.float64]) -> Tensor:
            return torch.from_numpy(scale).to(inputs)[:, None, None, None]

        waves = interpolate(normal(count, 1, coarse, coarse), size=(side, side), mode="bicubic")
        return inputs + each(noise) * normal(*inputs.shape) + each(slow) * waves


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


def _detection_loss(logit: Tensor, truth: Tensor) -> Tensor:
    """Quality focal loss (Li et al., NeurIPS 2020), a spot."""
    each = binary_cross_entropy_with_logits(logit, truth, reduction="none")
    focus = (logit.sigmoid() - truth).square()
    return (focus * each).sum() / truth.sum().clamp(min=1)
