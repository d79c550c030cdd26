"""``lf.fine_tune``: a few annotated frames of your own cells, minutes on a laptop."""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.checks import check_number, checked_seed
from lensfree_nb.contract import METRIC_UNITS, frame_origin_um, opd_of, pixel_size_of
from lensfree_nb.errors import DataError, DimensionError
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.quantify.channels import targets
from lensfree_nb.quantify.drawing import of_pixels
from lensfree_nb.quantify.equations import ALPHA_UM3_PER_PG
from lensfree_nb.quantify.network_check import colours_nm, network_for
from lensfree_nb.run.tables import cells_of_frame, in_memory
from lensfree_nb.train.annotated import Annotated
from lensfree_nb.train.going_on import go_on, weights_path
from lensfree_nb.train.loop import Say
from lensfree_nb.train.measurement import SURE
from lensfree_nb.train.recipe import Schedule

if TYPE_CHECKING:
    import dask.dataframe as dd

LEAST_CELLS = 20
BATCH, VALIDATE_EVERY = 4, 25


def fine_tune(
    ds: xr.Dataset,
    cells: pd.DataFrame | dd.DataFrame,
    path: str | os.PathLike[str],
    *,
    network: str | Path | ModelSpec = "measure",
    minutes: float = 5.0,
    steps: int = 300,
    learning_rate: float = 5e-4,
    alpha_um3_per_pg: float = ALPHA_UM3_PER_PG,
    seed: int = 0,
    device: str = "auto",
    say: Say = print,
) -> ModelSpec:
    """Go on training a network on frames whose cells are known.

    Parameters
    ----------
    ds : Dataset
        With ``opd``: a few frames, or one.
    cells : DataFrame
        Their cells, all of them: ``y_um``, ``x_um``, ``time`` or ``frame`` where there are several
        (times count where both tell them), and those metrics that are known. What is not known is
        not learned from.
    path : path
        Weights to write (``.safetensors``), with a card beside them; a name for ``quantify``.
    network : str, Path or ModelSpec
        Where to begin.
    minutes : float
        When to stop, finished or not.
    steps, learning_rate : int, float
        How long and how fast it learns; it stops early where nothing is gained on the last
        quarter of each frame, which is not learned from.
    alpha_um3_per_pg : float
        Specific refractive increment (µm³/pg) that the annotated dry masses are given by.
    seed : int
        Of what is shown when.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    say : callable
        Takes a line at every validation.

    Returns
    -------
    ModelSpec
        The network that did best, for ``quantify(network=...)``; it knows pixels of the size of
        these frames.

    Raises
    ------
    ParameterError
        If the network does not measure cells, or a number is impossible.
    DimensionError
        If there is no table of cells, it has no places, or does not tell which of several frames
        they are in.
    DataError
        If there are hardly any cells, or none in the part that is held back; if a cell lies in
        none of the frames, a place is no finite number, a measurement no number above 0, or
        nothing is known of a frame.
    """
    spec = network_for(network, ("quantify",))
    check_number("alpha_um3_per_pg", alpha_um3_per_pg, open_low=True)
    if not hasattr(cells, "columns"):
        raise DimensionError(f"cells is a {type(cells).__name__}; give a table (lf.read_cells)")
    check_number("minutes", minutes, open_low=True)
    weights = weights_path(path)
    opd, table = opd_of(ds).transpose(..., "y", "x"), in_memory(cells)
    frames = opd.values.reshape(-1, *opd.shape[-2:]).astype(np.float32)
    if blank := [n for n, frame in enumerate(frames) if not np.isfinite(frame).any()]:
        raise DataError(f"nothing is known of the OPD of frame {blank[0]}; leave it out")
    mine = _by_frame(ds, table, len(frames))
    drawn = [_drawn(ds, each, frames.shape[-2:], alpha_um3_per_pg) for each in mine]
    task = Annotated(
        list(frames),
        drawn,
        spec.options,
        checked_seed(seed),
        pixel_size_um=pixel_size_of(ds),
        wavelength_nm=colours_nm(ds),
    )
    _check(task, sum(map(len, mine)))
    return go_on(
        spec, weights, task, name="annotated", whose="annotated frames",
        data={
            "seed": seed, "frames": len(frames), "cells": sum(map(len, mine)),
            "sha256": hashlib.sha256(frames.tobytes()).hexdigest(),
        },
        schedule=Schedule(
            steps=steps, batch=BATCH, learning_rate=learning_rate, warmup=min(20, steps),
            validate_every=min(VALIDATE_EVERY, steps), patience=6, average=0.98,
        ),
        minutes=minutes, device=device, say=say,
    )  # fmt: skip


def _by_frame(ds: xr.Dataset, table: pd.DataFrame, count: int) -> list[pd.DataFrame]:
    """The cells of each frame."""
    if missing := [name for name in ("y_um", "x_um") if name not in table]:
        raise DimensionError(f"cells has no column {', '.join(missing)}")
    if count > 1 and not {"time", "frame"} & set(table):
        raise DimensionError(f"there are {count} frames; give cells a column 'frame' or 'time'")
    if not np.isfinite(table[["y_um", "x_um"]].to_numpy(float)).all():
        raise DataError("cells holds places that are no finite numbers; leave them out")
    found = [cells_of_frame(ds, table, number) for number in range(count)]
    if (held := sum(map(len, found))) > len(table):
        raise DataError("cells lie in several frames at once: some have the same time")
    if lost := len(table) - held:
        raise DataError(
            f"{lost} of {len(table)} cells lie in none of the {count} frames; give them the times "
            "of these, or number frames from 0, and places in um from the first pixel's centre"
        )
    return found


def _drawn(
    ds: xr.Dataset, mine: pd.DataFrame, shape: tuple[int, int], alpha_um3_per_pg: float
) -> NDArray[np.float32]:
    """What should be drawn of a frame's cells."""
    points = (mine[["y_um", "x_um"]].to_numpy(float) - frame_origin_um(ds)) / pixel_size_of(ds)
    unknown = pd.Series(math.nan, mine.index)
    try:
        known = {metric: mine.get(metric, unknown).to_numpy(float) for metric in METRIC_UNITS}
    except (TypeError, ValueError) as error:
        raise DataError(f"cells holds measurements that are no numbers ({error})") from error
    known["dry_mass_pg"] = known["dry_mass_pg"] * (alpha_um3_per_pg / ALPHA_UM3_PER_PG)
    values = np.stack([known[m] / of_pixels(m, pixel_size_of(ds)) for m in METRIC_UNITS], 1)
    if (values <= 0).any() or np.isinf(values).any():
        raise DataError(
            "cells holds measurements that are not above 0, or infinite; leave them out, or as NaN"
        )
    return targets(points, values, shape)


def _check(task: Annotated, cells: int) -> None:
    if cells < LEAST_CELLS:
        raise DataError(
            f"there are {cells} cells in the frames; annotate {LEAST_CELLS} at least, better some "
            "hundreds"
        )
    if not any(bool((truth[:, 0] > SURE).any()) for _, truth in task.validation()):
        raise DataError("no cell lies in the last quarter of the frames, which is held back")
