"""``ds.lf.changes``: where every cell goes, how it grows and stretches, from one frame to the next.

Time in the representation (the outlook of Allier 2022): a network looks at two frames at once and
draws, on each cell of the first, what becomes of it; the same peaks read it.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr

from lensfree_nb.checks import check_number
from lensfree_nb.contract import opd_of, pixel_size_of
from lensfree_nb.errors import DimensionError
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.provenance import provenance
from lensfree_nb.quantify.drawing import drawn_maps
from lensfree_nb.quantify.equations import ALPHA_UM3_PER_PG
from lensfree_nb.quantify.network_check import knows, network_for

NETWORK: Final = "change"
HOUR: Final = np.timedelta64(3_600_000_000_000, "ns")


def changes(
    ds: xr.Dataset,
    network: str | Path | ModelSpec = NETWORK,
    *,
    least: float | None = None,
    alpha_um3_per_pg: float = ALPHA_UM3_PER_PG,
    tile_px: int | None = None,
    precision: str = "auto",
    device: str = "auto",
) -> xr.Dataset:
    """Maps of displacement (µm), elongation (µm/h) and growth (pg/h) between frames.

    Parameters
    ----------
    ds : Dataset
        With ``opd`` over ``time``.
    network : str, Path or ModelSpec
        One for changes; ``"change"`` comes with the package, and learned from simulated truth:
        true OPD with noise, of cells that move, stretch and grow. Of those that divide it knows
        nothing.
    least, alpha_um3_per_pg, tile_px, precision, device
        As of :func:`lensfree_nb.quantify.quantify.quantify`.

    Returns
    -------
    Dataset
        For each frame but the last, ``detection``, ``representation`` and ``representation_se`` as
        of ``quantify``, along ``metric``: ``displacement_y_um``, ``displacement_x_um`` (to the next
        frame), ``elongation_um_per_h`` (of the major axis), ``growth_pg_per_h`` (of the dry mass).
        ``cells()`` reads them: a cell's position is the one in the earlier frame. A cell of which
        less than a third is found in one of the frames has infinite errors, and is not trusted.

    Raises
    ------
    DimensionError
        If there are no two frames, or their times do not rise.
    ParameterError
        If the network is for something else.
    """
    opd, pitch = opd_of(ds), pixel_size_of(ds)
    if opd.sizes.get("time", 1) < 2 or "time" not in opd.coords:
        raise DimensionError("changes need two frames at least, and the times of all of them")
    if not np.issubdtype(opd.coords["time"].dtype, np.datetime64):
        raise DimensionError("time holds no dates; give datetime64, by which rates can be told")
    hours = np.diff(opd.coords["time"].values) / HOUR
    if not (hours > 0).all():
        raise DimensionError("time does not rise from frame to frame; sort the frames by it")
    spec = network_for(network, ("change",))
    check_number("alpha_um3_per_pg", alpha_um3_per_pg, open_low=True)
    first = opd.isel(time=slice(None, -1))
    later = opd.isel(time=slice(1, None)).assign_coords(time=first.coords["time"])
    both = xr.concat([first, later], dim="moment").transpose("time", "moment", "y", "x")
    maps = drawn_maps(
        both, xr.DataArray(math.nan), [xr.DataArray(hours, dims="time")], spec,
        known=knows(spec, ds), pixel_size_um=pitch, least=least,
        factors={"growth_pg_per_h": ALPHA_UM3_PER_PG / alpha_um3_per_pg}, tile_px=tile_px,
        precision=precision, device=device,
    )  # fmt: skip
    # Where trust is not known there is none.
    told = ds["trusted"].fillna(0).astype(bool) if "trusted" in ds else None
    if told is not None and "time" not in told.dims:
        maps["trusted"] = told
    elif told is not None:
        after = told.isel(time=slice(1, None)).assign_coords(time=first.coords["time"])
        maps["trusted"] = told.isel(time=slice(None, -1)) & after
    kept = {n: c for n, c in ds.coords.items() if n in ("y", "x")}
    return maps.assign_coords(kept).assign_attrs(
        provenance(
            ds, "changes", network=dataclasses.asdict(spec), least=least, tile_px=tile_px,
            alpha_um3_per_pg=alpha_um3_per_pg, precision=precision,
        )
    )  # fmt: skip
