"""True measurements of simulated cells, from their shapes alone: before any optics."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.simulate.measured_cells import MeasuredCells
from lensfree_nb.simulate.population import ALPHA_UM3_PER_PG, Wanted
from lensfree_nb.simulate.render import Batch, Field, anchors_um, batches, claims, shared
from lensfree_nb.simulate.shapes import OUTLINE_FRACTION, get

GRID_UM: Final = 0.8
LEAST_LAMELLA: Final = 0.35
MOST_GAIN, MOST_CHANGE = 1.25, 2.0


def field_around(table: pd.DataFrame, grid_um: float, margin_um: float = 0.0) -> Field:
    """A grid of that pitch over the centres of all cells."""
    points = anchors_um(table)
    low, high = points.min(axis=0) - margin_um, points.max(axis=0) + margin_um
    rows, columns = np.ceil((high - low) / grid_um).astype(int) + 1
    return Field((int(rows), int(columns)), grid_um, (float(low[0]), float(low[1])))


def within(
    cells: pd.DataFrame, shape: tuple[int, int], *, pixel_size_um: float = 1.67
) -> pd.DataFrame:
    """The cells that a table of a frame is to hold: centroid on the sensor, debris left out.

    Parameters
    ----------
    cells : DataFrame
        Of ``culture``; it may reach beyond the sensor.
    shape : (int, int)
        Of the sensor (px).
    pixel_size_um : float
        Pixel pitch; the centre of the first pixel lies at 0, 0.

    Examples
    --------
    >>> cells = pd.DataFrame({"kind": "round", "y_um": [-9.0, 5.0], "x_um": 5.0})
    >>> within(cells, (64, 64))["y_um"].tolist()
    [5.0]
    """
    places = cells[["y_um", "x_um"]].to_numpy(float) / pixel_size_um
    inside = ((places >= -0.5) & (places < np.array(shape) - 0.5)).all(axis=1)
    return cells[inside & (cells["kind"] != "debris").to_numpy()].reset_index(drop=True)


def measured(
    table: pd.DataFrame,
    *,
    grid_um: float = GRID_UM,
    conserve: bool = False,
    mass_pg: NDArray[np.float64] | None = None,
    measured_cells: MeasuredCells | None = None,
) -> pd.DataFrame:
    """The table with its true metrics, and ``y_um, x_um`` at the centroid of each outline.

    The outline is where a cell's own OPD exceeds a fifth of its ``height_nm``; the major axis is
    that of the ellipse with the outline's second moments, as scikit-image defines it. Ground that
    a cell has lost to its neighbours is not its own.

    Parameters
    ----------
    grid_um : float
        Pitch of the grid on which shapes are measured (µm).
    conserve : bool
        Whether a cell that lost ground grows thicker, up to 25 %, to keep its mass.
    mass_pg : ndarray, optional
        Dry mass that each cell keeps instead: thickness makes up for it, by a factor of two at
        most.
    measured_cells : MeasuredCells, optional
        What the rows of kind ``measured`` look like.
    """
    if not len(table):
        return table.assign(**{metric: np.empty(0) for metric in METRIC_UNITS})
    competing = "contact" in table and bool((table["contact"] > 0).any())
    field = field_around(table, grid_um, margin_um=80.0 if competing else 0.0)
    claimed = claims(table, field, measured_cells=measured_cells) if competing else None
    found = np.zeros((len(table), 7))
    for batch in batches(table, field, measured_cells=measured_cells):
        alone = batch.layers.opd_nm(batch.cell)
        own = alone if claimed is None else alone * shared(batch, claimed)
        height = get(batch.cell, "height_nm")
        found[batch.rows] = metrics(own, alone, height, batch.anchor_px, grid_um).numpy()
    area, mass, highest, axis, dy, dx, alone_pg = found.T
    if conserve or mass_pg is not None:
        wanted, most = (alone_pg, MOST_GAIN) if mass_pg is None else (mass_pg, MOST_CHANGE)
        least = 1.0 if mass_pg is None else 1 / MOST_CHANGE
        gain = np.clip(wanted / np.maximum(mass, 1e-9), least, most)
        grown = {"height_nm": table["height_nm"] * gain}
        if "nucleus_nm" in table:
            grown["nucleus_nm"] = table["nucleus_nm"] * gain
        table, mass, highest = table.assign(**grown), mass * gain, highest * gain
    anchors = anchors_um(table)
    return table.assign(
        y_um=anchors[:, 0] + dy,
        x_um=anchors[:, 1] + dx,
        anchor_dy_um=-dy,
        anchor_dx_um=-dx,
        area_um2=area,
        dry_mass_pg=mass,
        max_opd_nm=highest,
        major_axis_um=axis,
    )


def fitted(table: pd.DataFrame, size: Wanted, *, grid_um: float = GRID_UM) -> pd.DataFrame:
    """Spread cells sized to their wanted area, and filled to their wanted mass and height."""
    area = np.empty(len(table))
    for batch in batches(table, field_around(table, grid_um)):
        inside = batch.layers.body > OUTLINE_FRACTION
        area[batch.rows] = inside.sum((1, 2)).numpy() * grid_um**2
    scale = np.sqrt(size.area_um2 / np.maximum(area, 1.0))
    named = [str(name) for name in table if str(name).startswith(("semi_", "nucleolus_"))]
    lengths = [name for name in named if name.endswith(("_um", "_y", "_x"))]
    table = table.assign(**{name: table[name] * scale for name in lengths})
    filled = np.empty((len(table), 2))
    for batch in batches(table, field_around(table, grid_um)):
        filled[batch.rows] = _heights(batch, size, grid_um).numpy()
    return table.assign(height_nm=filled[:, 0], nucleus_nm=filled[:, 1])


def _heights(batch: Batch, size: Wanted, grid_um: float) -> Tensor:
    """Heights (n, 2; nm) of lamella and nucleus that give the wanted mass and maximal OPD."""
    body, core = batch.layers.body, batch.layers.core
    to_pg = 1e-3 * grid_um**2 / ALPHA_UM3_PER_PG
    body_pg, core_pg = (_total(part) * to_pg for part in (body, core))
    peak, where = core.flatten(1).max(1)
    below = body.flatten(1).gather(1, where[:, None])[:, 0].double()
    mass, highest = (
        torch.from_numpy(values[batch.rows]) for values in (size.dry_mass_pg, size.max_opd_nm)
    )
    only_body, aim = mass / body_pg, highest
    for _ in range(3):  # the highest point is that of the grain, somewhere near the nucleus
        height = (mass * peak - core_pg * aim) / (body_pg * peak - core_pg * below)
        height = torch.minimum(torch.maximum(height, LEAST_LAMELLA * only_body), only_body)
        nucleus = (mass - height * body_pg) / core_pg
        high, thick = (part.float()[:, None, None] for part in (height, nucleus))
        aim = aim * highest / (high * body + thick * core).amax((1, 2))
    return torch.stack([height, nucleus], 1)


def metrics(
    own: Tensor, alone: Tensor, height_nm: Tensor, anchor_px: Tensor, grid_um: float
) -> Tensor:
    """What single cells measure in their windows (n, y, x).

    Parameters
    ----------
    own, alone : Tensor, shape (n, y, x)
        OPD (nm) of each cell, after and before neighbours took their share of its ground.
    height_nm : Tensor, shape (n, 1, 1)
        The outline is where `own` exceeds a fifth of it.
    anchor_px : Tensor, shape (n, 2)
        Where the cells' origins lie in the windows (points).
    grid_um : float
        Pitch.

    Returns
    -------
    Tensor, shape (n, 7), float64
        Area (µm²), dry mass (pg), highest OPD (nm), major axis (µm), centroid of the outline from
        the anchor (y, x; µm), and dry mass without neighbours.
    """
    inside = (own > OUTLINE_FRACTION * height_nm).float()
    # Whole numbers, small enough for float32 along a line: these sums are exact in any order.
    step = torch.arange(own.shape[-1], dtype=torch.float64, device=own.device)
    down, across = inside.sum(2).double(), inside.sum(1).double()
    count = down.sum(1).clamp(min=1)
    y, x = ((line * step).sum(1) / count for line in (down, across))
    yy, xx = ((line * step**2).sum(1) / count for line in (down, across))
    xy = (inside @ step.float()).double().mul(step).sum(1) / count - y * x
    yy, xx = yy - y * y, xx - x * x
    largest = (yy + xx) / 2 + (((yy - xx) / 2) ** 2 + xy**2).sqrt()
    to_pg = 1e-3 * grid_um**2 / ALPHA_UM3_PER_PG
    return torch.stack(
        [
            count * grid_um**2,
            _total(own) * to_pg,
            own.amax((1, 2)).double(),
            4 * largest.sqrt() * grid_um,
            (y - anchor_px[:, 0]) * grid_um,
            (x - anchor_px[:, 1]) * grid_um,
            _total(alone) * to_pg,
        ],
        1,
    )


def _total(windows: Tensor) -> Tensor:
    """Sum of each window (n, y, x) in an order that does not depend on the number of threads."""
    sums = windows.sum(2).double().cpu().numpy().sum(1)
    return torch.from_numpy(sums).to(windows.device)
