"""Cells onto a grid: each in its own window, neighbours that touch sharing the ground.

Two passes. The first adds up how strongly each cell claims each place, ``exp(-SHARPNESS r)`` at its
normalised radius r; the second gives each cell its share of the claims, raised to its
``contact``: 1 keeps neighbours apart along a soft border, 0 lets cells pile up. Windows have sides
of 16 points: with each thread's part a whole number of vector registers, the result does not
depend on how many threads there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.measured_cells import MeasuredCells
from lensfree_nb.simulate.shapes import (
    BALL_FLANK,
    EDGE_SOFTNESS,
    LOBED,
    LOBES,
    SHAPES,
    Columns,
    Layers,
    ends,
    get,
    sheet,
)

SHARPNESS: Final = 14.0
WINDOW_STEP_PX: Final = 8
BATCH_POINTS: Final = 2_000_000
REACH: Final = 1.65
BEARINGS: Final = 48
REQUIRED: Final = ("y_um", "x_um", "semi_major_um", "semi_minor_um", "angle_rad", "height_nm")
# What an optional column is worth where a row has none: all others 0.
DEFAULTS: Final = {"edge": EDGE_SOFTNESS, "flank": BALL_FLANK}


@dataclass(frozen=True, slots=True)
class Field:
    """A grid: its shape, its pitch (µm), and where the centre of its first point lies (µm)."""

    shape: tuple[int, int]
    pitch_um: float
    origin_um: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Batch:
    """Cells of one kind in windows of one size.

    Parameters
    ----------
    rows : ndarray of int
        Their places in the table.
    corners : ndarray of int, shape (n, 2)
        First row and column of each window on the grid; may lie outside of it.
    cell : mapping
        Their columns, ``(n, 1, 1)``.
    layers : Layers
        Their shapes on the windows.
    anchor_px : Tensor, shape (n, 2)
        Where their origins lie in the windows (points, float64).
    """

    rows: NDArray[np.intp]
    corners: NDArray[np.int64]
    cell: Columns
    layers: Layers
    anchor_px: Tensor

    @property
    def side(self) -> int:
        """Points along each side of a window."""
        return int(self.layers.body.shape[-1])

    def places(self, shape: tuple[int, int]) -> Iterator[tuple[int, Place]]:
        """Where each window lies on a grid of that shape, for those that touch it."""
        for i, (top, left) in enumerate(self.corners.tolist()):
            place = Place.of(top, left, self.side, shape)
            if place is not None:
                yield i, place


@dataclass(frozen=True, slots=True)
class Place:
    """A window on a grid: ``canvas[place.canvas] += window[place.window]``."""

    canvas: tuple[slice, slice]
    window: tuple[slice, slice]

    @classmethod
    def of(cls, top: int, left: int, side: int, shape: tuple[int, int]) -> Place | None:
        """The window at a corner, clipped to the grid; None where nothing of it is inside."""
        starts = [max(top, 0), max(left, 0)]
        stops = [min(top + side, shape[0]), min(left + side, shape[1])]
        if starts[0] >= stops[0] or starts[1] >= stops[1]:
            return None
        return cls(
            (slice(starts[0], stops[0]), slice(starts[1], stops[1])),
            (slice(starts[0] - top, stops[0] - top), slice(starts[1] - left, stops[1] - left)),
        )


def batches(
    table: pd.DataFrame,
    field: Field,
    device: torch.device | str = "cpu",
    measured_cells: MeasuredCells | None = None,
) -> Iterator[Batch]:
    """The cells of a table on a grid, one kind and size at a time, always in the same order."""
    shapes = {**SHAPES, **({"measured": measured_cells.layers} if measured_cells else {})}
    if not len(table):
        return
    numbers = table.select_dtypes("number")
    _check_known(numbers)
    kinds = kinds_of(table)
    anchors = anchors_um(table)
    steps = np.ceil((_reach_um(table) / field.pitch_um + 1) / WINDOW_STEP_PX)
    half = steps.astype(int) * WINDOW_STEP_PX
    centre = np.rint((anchors - field.origin_um) / field.pitch_um).astype(np.int64)
    inside = ((centre + half[:, None] >= 0) & (centre - half[:, None] < field.shape)).all(axis=1)
    keys = pd.Series(list(zip(kinds, half, strict=True)))
    for kind, reach in sorted(set(keys[inside])):
        if kind not in shapes:
            raise ParameterError(
                f"kind is {kind!r}; known are {', '.join(SHAPES)}, and 'measured' where "
                "measured_cells says what those look like"
            )
        chosen = np.flatnonzero(inside & (kinds == kind) & (half == reach))
        step = max(1, BATCH_POINTS // (2 * reach) ** 2)
        for start in range(0, len(chosen), step):
            rows = chosen[start : start + step]
            known = numbers.iloc[rows].dropna(axis=1, how="all").fillna(DEFAULTS).fillna(0.0)
            cell = {
                str(name): torch.from_numpy(values.to_numpy(np.float32, copy=True))
                .to(device)
                .reshape(-1, 1, 1)
                for name, values in known.items()
            }
            corners = centre[rows] - reach
            offset = field.origin_um + corners * field.pitch_um - anchors[rows]
            dy, dx = _coordinates(offset, 2 * reach, field.pitch_um, device)
            anchor_px = torch.from_numpy(-offset / field.pitch_um)
            yield Batch(rows, corners, cell, shapes[kind](cell, dy, dx), anchor_px)


def kinds_of(table: pd.DataFrame) -> NDArray[np.object_]:
    """The kind of each row; tables of the first version tell round cells by a column ``round``."""
    if "kind" in table:
        return table["kind"].to_numpy(object)
    rounded = table["round"].to_numpy(bool) if "round" in table else np.zeros(len(table), bool)
    return np.where(rounded, "round", "adherent").astype(object)


def anchors_um(table: pd.DataFrame) -> NDArray[np.float64]:
    """Where shapes have their origin (n, 2): ``y_um, x_um`` is the centroid of the outline."""
    points = table[["y_um", "x_um"]].to_numpy(float)
    if "anchor_dy_um" in table:
        points = points + table[["anchor_dy_um", "anchor_dx_um"]].fillna(0.0).to_numpy(float)
    return points


def claims(
    table: pd.DataFrame,
    field: Field,
    device: torch.device | str = "cpu",
    measured_cells: MeasuredCells | None = None,
) -> Tensor:
    """How strongly the cells together claim each point of the grid; riders claim nothing."""
    canvas = torch.zeros(field.shape, device=device)
    for batch in batches(table, field, device, measured_cells):
        claim = claim_of(batch.layers) * (get(batch.cell, "contact") > 0)
        for i, place in batch.places(field.shape):
            canvas[place.canvas] += claim[i][place.window]
    return canvas


def shared(batch: Batch, claimed: Tensor) -> Tensor:
    """Share of each place that each cell of a batch has, raised to its ``contact`` (n, y, x).

    A cell keeps its own share where its window reaches beyond the grid.
    """
    own = claim_of(batch.layers)
    total = own.clone()
    for i, place in batch.places((claimed.shape[0], claimed.shape[1])):
        total[i][place.window] = claimed[place.canvas]
    share = (own / total.clamp(min=1e-20)).clamp(max=1.0)
    return torch.where(own > 0, share, 0.0) ** get(batch.cell, "contact")


def owned(
    table: pd.DataFrame,
    field: Field,
    device: torch.device | str = "cpu",
    measured_cells: MeasuredCells | None = None,
) -> Iterator[tuple[Batch, Tensor, Tensor]]:
    """The cells in their windows, and of what each owns there OPD (nm) and absorption (n, y, x)."""
    competing = "contact" in table and bool((table["contact"] > 0).any())
    claimed = claims(table, field, device, measured_cells) if competing else None
    for batch in batches(table, field, device, measured_cells):
        own = batch.layers.opd_nm(batch.cell)
        dark = batch.layers.body * get(batch.cell, "absorbance")
        if claimed is not None:
            share = shared(batch, claimed)
            own, dark = own * share, dark * share
        yield batch, own, dark


def draw(
    table: pd.DataFrame,
    field: Field,
    device: torch.device | str = "cpu",
    measured_cells: MeasuredCells | None = None,
) -> tuple[Tensor, Tensor]:
    """OPD (nm) and absorption of a culture on a grid (float32); what overlaps adds up."""
    opd = torch.zeros(field.shape, device=device)
    absorption = torch.zeros(field.shape, device=device)
    for batch, own, dark in owned(table, field, device, measured_cells):
        absorbing = bool((get(batch.cell, "absorbance") > 0).any())
        for i, place in batch.places(field.shape):
            opd[place.canvas] += own[i][place.window]
            if absorbing:
                absorption[place.canvas] += dark[i][place.window]
    return opd, absorption


def _check_known(numbers: pd.DataFrame) -> None:
    for name in REQUIRED:
        unknown = ~np.isfinite(numbers[name].to_numpy(float)) if name in numbers else np.array([1])
        if unknown.any():
            raise ParameterError(
                f"the table of cells has no {name} in row {int(np.argmax(unknown))}; every cell "
                f"needs {', '.join(REQUIRED)}"
            )


def claim_of(layers: Layers) -> Tensor:
    """How strongly each cell claims each point; nothing far off, so that windows may differ."""
    return torch.where(layers.radius < REACH, torch.exp(-SHARPNESS * layers.radius), 0.0)


def _reach_um(table: pd.DataFrame) -> NDArray[np.float64]:
    def column(name: str) -> NDArray[np.float64]:
        empty = np.zeros(len(table))
        values = np.nan_to_num(table[name].to_numpy(float)) if name in table else empty
        return np.asarray(values[:, None])

    longer = np.maximum(column("semi_major_um"), column("semi_minor_um"))
    plain = (longer + column("apart_um") / 2)[:, 0]
    bearing = np.linspace(0, 2 * np.pi, BEARINGS, endpoint=False)
    lobes = (column(f"lobe_{n}") * np.cos(n * bearing + column(f"phase_{n}")) for n in LOBES)
    outline = 1 + sum(lobes) + column("tip") * ends(bearing)
    outline = outline + column("lamella") * sheet(bearing - column("lamella_rad"))
    axes = column("semi_major_um") * np.cos(bearing), column("semi_minor_um") * np.sin(bearing)
    lobed = REACH * (outline * np.hypot(*axes)).max(axis=1)
    return np.where(np.isin(kinds_of(table), list(LOBED)), lobed, plain)


def _coordinates(
    offset_um: NDArray[np.float64], side: int, pitch_um: float, device: torch.device | str
) -> tuple[Tensor, Tensor]:
    steps = np.arange(side) * pitch_um
    dy, dx = ((offset_um[:, axis, None] + steps).astype(np.float32) for axis in (0, 1))
    return (
        torch.from_numpy(dy).to(device)[:, :, None],
        torch.from_numpy(dx).to(device)[:, None, :],
    )
