"""Which pixel belongs to which simulated cell."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import torch
import xarray as xr

from lensfree_nb.checks import check_number, checked_shape
from lensfree_nb.simulate.measured_cells import MeasuredCells
from lensfree_nb.simulate.render import Field, batches, claim_of, claims, shared
from lensfree_nb.simulate.shapes import OUTLINE_FRACTION, get

NOBODY: Final = -1.0


def outlines(
    cells: pd.DataFrame,
    shape: tuple[int, int],
    *,
    pixel_size_um: float = 1.67,
    measured_cells: MeasuredCells | None = None,
) -> xr.DataArray:
    """Label image of simulated cells: their true outlines, before any optics.

    Parameters
    ----------
    cells : DataFrame
        From :func:`lensfree_nb.simulate.dish.culture`, or a frame of a time-lapse; (0, 0) is the
        centre of the first pixel.
    shape : (int, int)
        The image (px).
    pixel_size_um : float
        Its pitch.
    measured_cells : MeasuredCells, optional
        What the cells of kind ``measured`` look like.

    Returns
    -------
    DataArray, int32, dims ``y, x``
        0 where there is no cell, else the row's number in the table, from 1: where the cell's own
        OPD exceeds a fifth of its ``height_nm``, as its ``area_um2`` is measured. Where cells lie
        on each other the one that claims the place most has it.
    """
    shape = checked_shape(shape)
    check_number("pixel_size_um", pixel_size_um, open_low=True)
    field = Field(shape, pixel_size_um)
    labels, best = torch.zeros(shape, dtype=torch.int32), torch.full(shape, NOBODY)
    claimed = claims(cells, field, measured_cells=measured_cells)
    for batch in batches(cells, field, measured_cells=measured_cells):
        own = batch.layers.opd_nm(batch.cell) * shared(batch, claimed)
        inside = own > OUTLINE_FRACTION * get(batch.cell, "height_nm")
        strength = torch.where(inside, claim_of(batch.layers), NOBODY)
        for i, place in batch.places(shape):
            here, there = strength[i][place.window], best[place.canvas]
            won = here > there
            there[won] = here[won]
            labels[place.canvas][won] = int(batch.rows[i]) + 1
    axes = {
        name: (name, np.arange(n) * pixel_size_um, {"units": "um"})
        for name, n in zip("yx", shape, strict=True)
    }
    return xr.DataArray(
        labels.numpy(), axes, ("y", "x"), "truth_labels",
        {"units": "1", "long_name": "simulated true outlines"},
    )  # fmt: skip
