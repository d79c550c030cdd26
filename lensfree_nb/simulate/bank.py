"""Cells drawn once and placed again and again: how fields for training are made in numbers.

Drawing a cell costs far more than placing it. A bank holds the windows of some
thousand cells; a field takes some of them, each mirrored and turned by right angles at random,
anywhere on a periodic grid. Neighbours share their ground, lose and keep mass, and are measured
just as in :func:`lensfree_nb.simulate.dish.culture`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.simulate.ground import Claim, Ground
from lensfree_nb.simulate.render import Field, batches, claim_of, kinds_of
from lensfree_nb.simulate.shapes import OUTLINE_FRACTION, get
from lensfree_nb.simulate.truth import MOST_GAIN, field_around, metrics

TURNS = 8


class Sheet(NamedTuple):
    """Cells of the bank whose windows have one size."""

    rows: NDArray[np.intp]
    opd_nm: Tensor
    claim: Tensor
    height_nm: Tensor
    absorbance: Tensor
    anchor_px: Tensor

    @property
    def side(self) -> int:
        """Points along each side of a window."""
        return int(self.opd_nm.shape[-1])


class Drawn(NamedTuple):
    """A periodic field of cells: OPD (nm), absorption (y, x), the truth on each, whose is what."""

    opd_nm: Tensor
    absorption: Tensor
    cells: pd.DataFrame
    ground: Ground


@dataclass(frozen=True, slots=True)
class CellBank:
    """Windows of single cells on one grid.

    Parameters
    ----------
    kinds : ndarray of str, shape (n,)
        What each is, as :data:`lensfree_nb.simulate.shapes.SHAPES` names it.
    pitch_um : float
        Of the grid.
    sheets : tuple of Sheet
        The windows, by their size.
    """

    kinds: NDArray[np.object_]
    pitch_um: float
    sheets: tuple[Sheet, ...]

    @classmethod
    def of(
        cls, table: pd.DataFrame, pitch_um: float, device: torch.device | str = "cpu"
    ) -> CellBank:
        """Draw every cell of a culture's table, as if it stood alone.

        A cell keeps its angle, and its place between the points of the grid.
        """
        field = field_around(table, pitch_um)
        by_side: dict[int, list[Sheet]] = {}
        for batch in batches(table, Field(field.shape, pitch_um, field.origin_um), device):
            sheet = Sheet(
                batch.rows,
                batch.layers.opd_nm(batch.cell),
                claim_of(batch.layers),
                batch.cell["height_nm"],
                get(batch.cell, "absorbance"),
                batch.anchor_px.to(device),
            )
            by_side.setdefault(sheet.side, []).append(sheet)
        joined = (_joined(by_side[side]) for side in sorted(by_side))
        return cls(kinds_of(table), pitch_um, tuple(joined))

    def field(
        self,
        members: NDArray[np.intp],
        places_um: NDArray[np.float64],
        contact: NDArray[np.float64],
        shape: tuple[int, int],
        rng: np.random.Generator,
    ) -> Drawn:
        """Cells of the bank on a periodic grid.

        Parameters
        ----------
        members : ndarray of int, shape (n,)
            Which cells; one may come more than once.
        places_um : ndarray, shape (n, 2)
            Where (y, x) their origins lie, to the nearest point.
        contact : ndarray, shape (n,)
            As :func:`~lensfree_nb.simulate.dish.culture` means it.
        shape : (int, int)
            Points of the grid.
        rng : numpy Generator
            Source of the turns.

        Returns
        -------
        Drawn
            ``cells`` has ``kind, y_um, x_um`` and the true metrics, a row a member.
        """
        turns = rng.integers(TURNS, size=len(members))
        corners = np.rint(places_um / self.pitch_um).astype(np.int64)
        chosen = list(self._chosen(members, corners, turns, contact, shape))
        device = self.sheets[0].opd_nm.device
        claimed, opd, absorption = (torch.zeros(shape, device=device) for _ in range(3))
        for some in chosen:
            some.add(some.sheet.claim * (some.contact > 0), claimed)
        found, theirs = np.zeros((len(members), 7)), []
        for some in chosen:
            sheet = some.sheet
            share = (sheet.claim / claimed.take(some.places).clamp(min=1e-20)).clamp(max=1.0)
            own = sheet.opd_nm * share**some.contact
            measured = metrics(own, sheet.opd_nm, sheet.height_nm, sheet.anchor_px, self.pitch_um)
            inside = own > OUTLINE_FRACTION * sheet.height_nm
            gain = (measured[:, 6] / measured[:, 1].clamp(min=1e-9)).clamp(1.0, MOST_GAIN)
            own *= gain[:, None, None].float()
            measured[:, 1:3] *= gain[:, None]
            some.add(own, opd)
            rows = torch.from_numpy(some.numbers).to(device)
            theirs.append(Claim(some.places, rows, own, inside))
            if bool((sheet.absorbance > 0).any()):
                # What absorbs is debris, of one layer: its body is its OPD over its height.
                some.add(own / sheet.height_nm * sheet.absorbance, absorption)
            found[some.numbers] = measured.cpu().numpy()
        ground = Ground.of(theirs, shape, device)
        return Drawn(opd, absorption, self._table(members, corners, turns, found), ground)

    def _chosen(
        self,
        members: NDArray[np.intp],
        corners: NDArray[np.int64],
        turns: NDArray[np.int64],
        contact: NDArray[np.float64],
        shape: tuple[int, int],
    ) -> Iterator[_Placed]:
        for sheet in self.sheets:
            place = np.full(len(self.kinds), -1)
            place[sheet.rows] = np.arange(len(sheet.rows))
            numbers = np.flatnonzero(place[members] >= 0)
            if not len(numbers):
                continue
            device = sheet.opd_nm.device
            which = torch.from_numpy(place[members[numbers]]).to(device)
            taken = Sheet(sheet.rows, *(part[which] for part in sheet[1:]))
            top_left = torch.from_numpy(corners[numbers] - sheet.side // 2).to(device)
            turned = torch.from_numpy(turns[numbers]).to(device)
            power = torch.from_numpy(contact[numbers]).float().to(device)[:, None, None]
            yield _Placed(numbers, taken, _index(top_left, turned, sheet.side, shape), power)

    def _table(
        self,
        members: NDArray[np.intp],
        corners: NDArray[np.int64],
        turns: NDArray[np.int64],
        found: NDArray[np.float64],
    ) -> pd.DataFrame:
        """Each cell's kind and metrics, at the centroid of its outline."""
        anchors = np.zeros((len(self.kinds), 2))
        for sheet in self.sheets:
            anchors[sheet.rows] = sheet.anchor_px.cpu().numpy() - (sheet.side - 1) / 2
        # From the window's middle, and turned with it.
        middle = anchors[members] * self.pitch_um + found[:, 4:6]
        flip_y, flip_x, swap = (turns >> k & 1 for k in range(3))
        middle *= np.stack([1 - 2 * flip_y, 1 - 2 * flip_x], 1)
        middle = np.where(swap[:, None] > 0, middle[:, ::-1], middle)
        centre = (corners - 0.5) * self.pitch_um + middle
        columns = dict(zip(METRIC_UNITS, found.T[:4], strict=True))
        place = {"y_um": centre[:, 0], "x_um": centre[:, 1]}
        return pd.DataFrame({"kind": self.kinds[members], **place, **columns})


class _Placed(NamedTuple):
    """Cells of a sheet on a grid: ``places`` (n, side, side) is each point's place on it."""

    numbers: NDArray[np.intp]
    sheet: Sheet
    places: Tensor
    contact: Tensor

    def add(self, windows: Tensor, canvas: Tensor) -> None:
        canvas.view(-1).scatter_add_(0, self.places.flatten(), windows.flatten())


def _index(top_left: Tensor, turns: Tensor, side: int, shape: tuple[int, int]) -> Tensor:
    """Where on a periodic grid the points of mirrored and turned windows fall (n, side, side)."""
    step = torch.arange(side, device=turns.device)
    flip_y, flip_x, swap = ((turns >> k & 1)[:, None].bool() for k in range(3))
    down = torch.where(flip_y, side - 1 - step, step)
    across = torch.where(flip_x, side - 1 - step, step)
    # A window's first axis runs down the grid, or across it where axes are swapped.
    top, left = top_left[:, :1], top_left[:, 1:]
    row = (top + torch.where(swap, across, down)) % shape[0] * shape[1]
    column = (left + torch.where(swap, down, across)) % shape[1]
    first = torch.where(swap, column, row)
    second = torch.where(swap, row, column)
    return first[:, :, None] + second[:, None, :]


def _joined(parts: list[Sheet]) -> Sheet:
    rows = np.concatenate([part.rows for part in parts])
    return Sheet(
        rows, *(torch.cat(columns) for columns in zip(*(p[1:] for p in parts), strict=True))
    )
