"""The task of learning from a user's own annotated frames."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.nets.header import GROWS, SE_FACTOR
from lensfree_nb.nets.registry import KINDS
from lensfree_nb.nets.symmetry import SYMMETRIES, turned
from lensfree_nb.nets.units import OPD_UNIT_NM, PITCH_UM
from lensfree_nb.quantify.channels import METRICS
from lensfree_nb.train.calibration import learned
from lensfree_nb.train.measurement import measurement_loss, measurement_scores
from lensfree_nb.train.measuring import CUT_PX
from lensfree_nb.train.shelf import Batch

# The last part of every frame along y is never learned from: a frame's own validation.
HELD_BACK: Final = 0.25
# Of an image's side the rim where cells may be cut takes no more than one part of these.
PARTS: Final = 4


@dataclass
class Annotated:
    """Crops of annotated frames, in all eight orientations.

    Parameters
    ----------
    opd_nm : list of ndarray, shape (y, x)
        Frames (nm), of one size.
    drawn : list of ndarray, shape (1 + metric + ground, y, x)
        What a network should draw of each (``quantify.channels.targets``).
    network : dict
        How the network is built that goes on learning, and what it knows of itself.
    seed : int
        Of the crops.
    patch_px : int
        Side of a crop; smaller where the frames are.
    pixel_size_um : float
        Of the frames: the network will know pixels of this size.
    wavelength_nm : list of float
        Of the holograms that they come from: it will know as many colours; none, as many as before.
    """

    opd_nm: list[NDArray[np.float32]]
    drawn: list[NDArray[np.float32]]
    network: dict[str, Any]
    seed: int = 0
    patch_px: int = 256
    pixel_size_um: float = PITCH_UM
    wavelength_nm: list[float] = field(default_factory=list)
    _rows: int = field(init=False)

    def __post_init__(self) -> None:
        """Settle where learning ends and validation begins."""
        height, width = self.opd_nm[0].shape
        self._rows = round(height * (1 - HELD_BACK))
        self._side = min(self.patch_px, self._rows, width)

    def options(self) -> dict[str, Any]:
        """What the network takes and gives: as it was."""
        # How errors grow was learned of many microscopes; here they are held against these frames.
        own = {"kind", GROWS, *chain.from_iterable(KINDS.values())}
        return {name: value for name, value in self.network.items() if name not in own}

    def batch(self, step: int, size: int) -> Batch:
        """Crops of one step: the same for one step, always."""
        rng = np.random.default_rng([self.seed, step])
        crops = [self._crop(rng) for _ in range(size)]
        return torch.stack([a for a, _ in crops]), torch.stack([b for _, b in crops])

    def validation(self) -> list[Batch]:
        """The part of every frame that is held back."""
        rows = slice(self._rows, None)
        return [
            (
                _inputs(opd[rows])[None],
                _of_whole_cells(torch.from_numpy(truth[:, rows].copy()))[None],
            )
            for opd, truth in zip(self.opd_nm, self.drawn, strict=True)
        ]

    def loss(self, found: Tensor, truth: Tensor) -> Tensor:
        """Of a batch."""
        return measurement_loss(found, truth)

    def scores(self, found: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the whole validation set; ``error`` is what the best is chosen by."""
        return measurement_scores(found, truth)

    def learned(self, found: Tensor, truth: Tensor) -> dict[str, Any]:
        """Errors that hold what they claim of these cells, and a range that holds them too."""
        said = learned(found, truth)
        known = self.network.get("trained_on", {})
        ranges = {**known.get("range", {})}
        for metric, (low, high) in said.pop("range").items():
            before = ranges.get(metric, (low, high))
            ranges[metric] = [min(low, before[0]), max(high, before[1])]
        renewed = said[SE_FACTOR]
        said[SE_FACTOR] = {**self.network.get(SE_FACTOR, {}), **renewed}
        if GROWS in self.network and len(renewed) < len(METRICS):
            said[GROWS] = _of_others(self.network[GROWS], renewed)
        now = {"range": ranges, "pixel_size_um": self.pixel_size_um}
        if self.wavelength_nm:
            now["wavelength_nm"] = [*self.wavelength_nm]
        return {**said, "trained_on": {**known, **now}}

    def _crop(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        number = int(rng.integers(len(self.opd_nm)))
        side, width = self._side, self.opd_nm[number].shape[1]
        top = int(rng.integers(self._rows - side + 1))
        left, way = int(rng.integers(width - side + 1)), int(rng.integers(SYMMETRIES))
        part = (slice(top, top + side), slice(left, left + side))
        truth = _of_whole_cells(torch.from_numpy(self.drawn[number][(slice(None), *part)].copy()))
        # Nobody annotates whose pixels are whose: nothing in it points anywhere.
        both = turned(torch.cat([_inputs(self.opd_nm[number][part]), truth]), way).contiguous()
        return both[:1], both[1:]


def _of_whole_cells(drawn: Tensor) -> Tensor:
    """Truths (channel, y, x) without measurements of cells that a border may cut.

    Of images so small that nothing else were left, only the nearest.
    """
    measured = drawn[1 : 1 + len(METRICS)]
    for along in (1, 2):
        side = measured.shape[along]
        rim = min(CUT_PX, side // PARTS)
        for start in (0, side - rim):
            measured.narrow(along, start, rim).fill_(math.nan)
    return drawn


def _of_others(grows: dict[str, Any], renewed: Container[str]) -> dict[str, Any]:
    """How errors grow of those metrics whose factors are as they were."""
    return {
        name: {**term, "power": {m: p for m, p in term["power"].items() if m not in renewed}}
        for name, term in grows.items()
    }


def _inputs(opd_nm: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.nan_to_num(opd_nm) / OPD_UNIT_NM)[None]
