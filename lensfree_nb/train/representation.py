"""The task of the paper's networks: discs that say what the standard pipeline would measure."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.errors import ParameterError, QualityWarning
from lensfree_nb.nets.header import WEIGHTS
from lensfree_nb.nets.units import OPD_UNIT_NM, PITCH_UM
from lensfree_nb.quantify.cells import CellTable
from lensfree_nb.quantify.channels import MEASURES
from lensfree_nb.quantify.equations import ALPHA_UM3_PER_PG
from lensfree_nb.quantify.peaks import local_maxima, over_discs
from lensfree_nb.quantify.reading import APART_PX, covered, discs_around, readings
from lensfree_nb.quantify.representation import DISC_PX, owners, representation
from lensfree_nb.quantify.segment import Settings
from lensfree_nb.reconstruct.alternation import reference
from lensfree_nb.train.calibration import FEW, ends
from lensfree_nb.train.measuring import CUT_PX, MeasuringTask
from lensfree_nb.train.patches import PatchSource
from lensfree_nb.train.shelf import Batch
from lensfree_nb.train.threshold import best_threshold

# What the pipeline sees of the periodic field beyond its border, so that no cell is cut.
AROUND_PX: Final = 96
# Fields to learn from of which one is reconstructed.
RECONSTRUCTED_EVERY: Final = 4


@dataclass
class Representation(MeasuringTask):
    """Examples, loss and scores of networks that imitate the standard pipeline (Allier 2022 §2.3).

    The pipeline measures what the reference method makes of simulated holograms, by the network
    `draft`; its errors are learned with the rest. It measures any OPD alike, so that of four fields
    to learn from only one went through a hologram and back: true OPD is made far sooner,
    and nothing need be seen often. Other numbers are those of
    :class:`~lensfree_nb.train.measuring.MeasuringTask`.

    Parameters
    ----------
    metrics : sequence of str
        What the discs say, one channel each.
    variety : {"any", "paper"}
        Which microscopes and cultures fields come from (``train.variety``).

    Raises
    ------
    ParameterError
        If there is no such metric.
    """

    task: ClassVar[str] = "represent"
    metrics: tuple[str, ...] = ("dry_mass_pg",)
    noise_nm: float = 0.0
    background_nm: float = 0.0
    variety: str = "any"

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        self.metrics = tuple(self.metrics)
        if unknown := [m for m in self.metrics if m not in METRIC_UNITS] or not self.metrics:
            raise ParameterError(f"metrics holds {unknown}; use some of {', '.join(METRIC_UNITS)}")
        self._pipeline = CellTable(Settings(), PITCH_UM, ALPHA_UM3_PER_PG, (), None)
        super().__post_init__()

    def options(self) -> dict[str, Any]:
        """What a network for it must take and give."""
        own = {"outputs": len(self.metrics), "metrics": list(self.metrics)}
        return {**super().options(), **own, "labels": "standard pipeline"}

    @property
    def vectors(self) -> Sequence[int]:
        """Discs point nowhere."""
        return ()

    @property
    def spread_images(self) -> Sequence[int]:
        """Networks as the paper's tell no errors."""
        return ()

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """Mean square of what is drawn amiss."""
        return (found - truth).square().mean()

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the whole validation set; ``loss`` is what the best is chosen by."""
        said = {"loss": float(self.loss(found, truth))}
        for k, metric in enumerate(self.metrics):
            on = truth[:, k] != 0
            error = (found[:, k] / truth[:, k] - 1)[on].double()
            said[f"{metric}_percent"] = 100 * float(error.square().mean().sqrt())
        return said

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """From when on there is a cell, what the cells measured, and how discs are best read."""
        right = over_discs((truth[:, 0] != 0).float(), DISC_PX)
        around = torch.stack([discs_around(image) for image in found])
        drawn = torch.stack([covered(image) for image in around])
        least = best_threshold(drawn, right, border_px=CUT_PX)
        reach = {}
        for k, metric in enumerate(self.metrics):
            values = truth[:, k][truth[:, k] != 0].cpu().numpy() * MEASURES.scale[metric]
            if values.size:
                reach[metric] = ends(values)
        weights = _best_weights(found, around, truth, drawn, least)
        return {
            "least": least,
            "trained_on": {**self.trained_on(), "range": reach},
            **({WEIGHTS: dict(zip(self.metrics, weights, strict=True))} if weights else {}),
        }

    def source(self, seed: int) -> PatchSource:
        """Fields of a seed, of the variety that was asked for."""
        return replace(super().source(seed), variety=self.variety)

    def pair(self, source: PatchSource, number: int) -> Batch:
        """What the reference method makes of a field, and what the pipeline says of that."""
        return self._labelled(source, source.opd_by(number, reference(self.drafter())).opd_nm)

    def learned_pair(self, number: int) -> Batch:
        """As :meth:`pair`, but for three of four fields of the true OPD."""
        source = self._sources[0]
        if number % RECONSTRUCTED_EVERY:
            return self._labelled(source, source.true_opd(number).opd_nm)
        return self.pair(source, number)

    def _labelled(self, source: PatchSource, opd: Tensor) -> Batch:
        """The patches (n, y, x; nm) of a field, and what the pipeline says of the whole."""
        along = self.field_px // self.patch_px
        rows = opd.reshape(along, along, *opd.shape[1:]).transpose(1, 2)
        whole = rows.reshape(self.field_px, self.field_px).cpu().numpy()
        drawn = source.cut(torch.from_numpy(self._drawn(whole))).movedim(0, 1)
        return opd[:, None] / OPD_UNIT_NM, drawn.to(opd.device)

    def _drawn(self, opd_nm: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Discs of all cells of a periodic field (metric, y, x), over what is typical."""
        around = np.pad(opd_nm, AROUND_PX, mode="wrap")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", QualityWarning)  # a field without a cell is one more
            cells = self._pipeline({"opd": around}, index=0, time=np.datetime64("NaT", "ns"))
        points = cells[["y_um", "x_um"]].to_numpy() / PITCH_UM
        values = cells[list(self.metrics)].to_numpy() / [MEASURES.scale[m] for m in self.metrics]
        drawn = representation(values, owners(points, (around.shape[0], around.shape[1])))
        return drawn[:, AROUND_PX:-AROUND_PX, AROUND_PX:-AROUND_PX]


def _best_weights(
    found: Tensor, around: Tensor, truth: Tensor, sure: Tensor, least: float
) -> list[list[float]]:
    """How much each reading of a disc counts, by least squares over cells that were found.

    None where too few were found.
    """
    said, right = [], []
    for drawn, added, wanted, detection in zip(found, around, truth, sure, strict=True):
        centres = local_maxima(detection, least=least, apart_px=APART_PX)
        last = wanted.shape[-1] - 1 - CUT_PX
        on = (centres >= CUT_PX).all(1) & (centres <= last).all(1) & (wanted[0, *centres.T] != 0)
        said.append(readings(drawn, added, centres[on]))
        right.append(wanted[:, *centres[on].T])
    rows, values = (torch.cat(part, -1).double().cpu().numpy() for part in (said, right))
    if values.shape[1] < FEW:
        return []
    best = [np.linalg.lstsq(row.T, value)[0] for row, value in zip(rows, values, strict=True)]
    return [[float(f"{weight:.4g}") for weight in each] for each in best]
