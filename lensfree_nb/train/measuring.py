"""What the tasks share that learn to measure cells: OPD as it is reconstructed, and worse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from lensfree_nb.checks import check_number
from lensfree_nb.errors import ParameterError
from lensfree_nb.nets.registry import ModelSpec, find_model
from lensfree_nb.nets.units import OPD_UNIT_NM, PITCH_UM
from lensfree_nb.quantify.channels import MEASURES, STEP_PX, Channels
from lensfree_nb.simulate.ground import NOBODY, Ground
from lensfree_nb.simulate.instrument import PAPER_SETUP
from lensfree_nb.train.calibration import lacking, learned, stretched
from lensfree_nb.train.field_task import FieldTask
from lensfree_nb.train.measurement import measurement_loss, measurement_scores, spread_loss
from lensfree_nb.train.patches import FIELDS_A_BANK, PatchSource
from lensfree_nb.train.shelf import Batch
from lensfree_nb.train.spread import Told

COARSE_PX: Final = 64
SPARED: Final = 0.5
# Nearer to a patch's border a cell may be cut: what it measures cannot be told.
CUT_PX: Final = 20
# Fields from this number on are never learned from, but for the standard errors; from each to the
# next it is so far that hardly two are of one microscope, and few of the same cells.
UNSEEN, UNSEEN_STEP = 1_000_001, 24
# By how much (standard deviation) distance and places of colours are off where they were found on a
# frame (benchmarks/calibration.py): less than networks that reconstruct are to bear.
DISTANCE_ERROR_UM, REGISTRATION_ERROR_UM = 1.5, 0.04


@dataclass
class MeasuringTask(FieldTask):
    """Examples whose input is an OPD: half of the patches with noise, half with a background.

    Parameters
    ----------
    noise_nm, background_nm : float
        The most that is added (standard deviations); 0 for none.
    seed, validation_seed, field_px, patch_px, iterations, shelf_fields, reuse, validation_fields, \
bank_cells, draft, device
        As of :class:`~lensfree_nb.train.field_task.FieldTask`; a draft there must be, unless the
        task reconstructs nothing.

    Raises
    ------
    ParameterError
        If there is no draft, or a number is impossible.
    """

    task: ClassVar[str] = "quantify"
    inputs: ClassVar[int] = 1
    channels: ClassVar[Channels] = MEASURES
    needs_draft: ClassVar[bool] = True
    noise_nm: float = 20.0
    background_nm: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if self.needs_draft:
            self.drafter()
        check_number("noise_nm", self.noise_nm)
        check_number("background_nm", self.background_nm)
        super().__post_init__()

    def drafter(self) -> ModelSpec:
        """The network that reconstructs.

        Raises
        ------
        ParameterError
            If none was named.
        """
        if not self.draft:
            raise ParameterError("draft is missing: name the network that reconstructs the OPD")
        return find_model(self.draft)

    def source(self, seed: int) -> PatchSource:
        """Fields of a seed, of microscopes that are known as well as users know theirs."""
        return replace(
            super().source(seed), distance_error_um=DISTANCE_ERROR_UM,
            registration_error_um=REGISTRATION_ERROR_UM,
        )  # fmt: skip

    def options(self) -> dict[str, Any]:
        """What a network for it must take and give."""
        said = {
            "task": self.task, "inputs": self.inputs, "outputs": self.channels.outputs,
            "metrics": list(self.channels.metrics), "trained_on": self.trained_on(),
        }  # fmt: skip
        return said | ({"draft_sha256": find_model(self.draft).sha256} if self.draft else {})

    def trained_on(self) -> dict[str, Any]:
        """Of which images the network will know something."""
        said = {
            "pixel_size_um": PITCH_UM, "noise_nm": self.noise_nm,
            "background_nm": self.background_nm,
        }  # fmt: skip
        return said | ({"wavelength_nm": list(PAPER_SETUP.wavelength_nm)} if self.draft else {})

    @property
    def vectors(self) -> Sequence[int]:
        """First channel of each pair of the truths that turns with the image."""
        return self.channels.vectors

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """Of a batch."""
        return measurement_loss(found, truth, self.channels)

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the whole validation set; ``error`` is what the best is chosen by."""
        return measurement_scores(found, truth, self.channels)

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """From when on there is a cell, errors that hold what they claim, and the cells' range."""
        said = learned(found, truth, self.channels)
        reach = said.pop("range")
        return {**said, "trained_on": {**self.trained_on(), "range": reach}}

    def batch(self, step: int, size: int) -> Batch:
        """OPD (100 nm), worsened, and targets of one step: the same for one step, always."""
        inputs, truths = super().batch(step, size)
        rng = np.random.default_rng([self.seed, step, size])
        return self._worsened(inputs, rng), truths

    @property
    def spread_images(self) -> Sequence[int]:
        """Which of the images drawn are standard errors."""
        return self.channels.log_se

    def told(self, source: PatchSource, number: int) -> Told:
        """Inputs, targets and residual of a field's patches."""
        return Told(*self.pair(source, number), math.nan)

    def unseen(self, number: int) -> Told:
        """OPD (100 nm), worsened, and targets of a field that is met nowhere else."""
        field = self.unworsened(number)
        rng = np.random.default_rng([self.seed, UNSEEN, number])
        return field._replace(inputs=self._worsened(field.inputs, rng))

    def unworsened(self, number: int) -> Told:
        """The field of :meth:`unseen`, as it was made."""
        source = self._sources[number % len(self._sources)]
        return self.told(source, UNSEEN + UNSEEN_STEP * number)

    def as_users_have_it(self, number: int) -> Told:
        """The field of :meth:`unseen`; of true OPD users have none, so that it is worsened too."""
        return self.unworsened(number) if self.needs_draft else self.unseen(number)

    def spread_loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """Of standard errors alone."""
        return spread_loss(found, truth, self.channels)

    def lacking(self, found: Tensor, truth: Tensor) -> Mapping[int, float]:
        """What images lack so that what is measured adds up to the truth."""
        return lacking(found, truth, self.channels)

    def stretched(self, found: Tensor, truth: Tensor, residual: Sequence[float]) -> dict[str, Any]:
        """By what errors are stretched to hold what they claim, and how residuals tell it."""
        return stretched(found, truth, residual, self.channels)

    def validation(self) -> list[Batch]:
        """OPD and targets of fields to validate on, as they are and, where it is so, worsened.

        No two of one source share cells or microscope.
        """
        sources, found = self.sources(self.validation_seed), []
        for source, n in product(sources, range(self.validation_fields)):
            number = n * FIELDS_A_BANK + 1
            inputs, truth = self.pair(source, number)
            found.append((inputs, truth))
            if self.noise_nm or self.background_nm:
                rng = np.random.default_rng([self.validation_seed, number])
                found.append((self._worsened(inputs, rng), truth))
        return found

    def _worsened(self, inputs: Tensor, rng: np.random.Generator) -> Tensor:
        count, side = len(inputs), inputs.shape[-1]
        noise, slow = (
            np.where(rng.random(count) < SPARED, 0.0, rng.uniform(0, most / OPD_UNIT_NM, count))
            for most in (self.noise_nm, self.background_nm)
        )
        generator = torch.Generator(inputs.device).manual_seed(int(rng.integers(2**62)))
        coarse = -(-side // COARSE_PX) + 2

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, device=inputs.device)

        def each(scale: NDArray[np.float64]) -> Tensor:
            return torch.from_numpy(scale).to(inputs)[:, None, None, None]

        slowly = normal(count, inputs.shape[1], coarse, coarse)
        waves = interpolate(slowly, size=(side, side), mode="bicubic")
        return inputs + each(noise) * normal(*inputs.shape) + each(slow) * waves


def of_whole_cells(
    points_px: NDArray[np.float64], values: NDArray[np.float64], side: int
) -> NDArray[np.float64]:
    """Measurements (n, metric) of cells at points of a field; NaN where a patch may cut the cell.

    Parameters
    ----------
    points_px : ndarray, shape (n, 2)
        Rows and columns.
    values : ndarray, shape (n, metric)
        What the cells measure.
    side : int
        Of the patches (px).
    """
    place = points_px % side
    whole = ((place >= CUT_PX) & (place <= side - 1 - CUT_PX)).all(axis=1, keepdims=True)
    return np.where(whole, values, np.nan)


def ground_targets(
    grounds: Sequence[Ground],
    points_px: NDArray[np.float64],
    living: NDArray[np.bool_],
    channels: Channels,
    *,
    periodic: bool = False,
) -> Tensor:
    """What a network should draw of cells' own pixels, as ``quantify.channels`` has it.

    Parameters
    ----------
    grounds : sequence of Ground
        Whose each pixel is, at each moment.
    points_px : ndarray, shape (n, 2)
        Centroids at the first moment (row, column).
    living : ndarray of bool, shape (n,)
        False of what is no cell: its pixels are nobody's.
    channels : Channels
        How many layers are drawn.
    periodic : bool
        Whether cells reach across the border to the other side.

    Returns
    -------
    Tensor, shape (channels.ground, y, x)
        Steps are NaN where nobody is.
    """
    device = grounds[0].owner.device
    height, width = grounds[0].owner.shape[1:]
    points, alive = (torch.tensor(part.tolist(), device=device) for part in (points_px, living))
    here = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    here, period = here.to(device).view(height, width, 2), torch.tensor([height, width]).to(device)
    drawn = []
    for layer in reversed(range(channels.layers)):
        parts = []
        for owner, own, inside in (Ground(*(part[layer] for part in g)) for g in grounds):
            row = owner.clamp(min=0)
            held = (owner != NOBODY) & alive[row]
            step = points[row] - here
            step = (step + period / 2) % period - period / 2 if periodic else step
            step = torch.where(held[..., None], step / STEP_PX, torch.nan).movedim(-1, 0)
            rest = (torch.where(held, part, 0.0)[None] for part in (inside, own / OPD_UNIT_NM))
            parts.append((step, *rest))
        drawn += [torch.cat(kind) for kind in zip(*parts, strict=True)]
    return torch.cat(drawn).float()
