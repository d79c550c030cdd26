"""``ds.lf.quantify``: from OPD to maps of what every cell measures, by a network."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Final

import xarray as xr

from lensfree_nb.checks import check_number
from lensfree_nb.contract import opd_of, pixel_size_of
from lensfree_nb.errors import DataError, DimensionError
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.provenance import provenance
from lensfree_nb.quantify.drawing import drawn_maps
from lensfree_nb.quantify.equations import ALPHA_UM3_PER_PG
from lensfree_nb.quantify.map_table import MAPS
from lensfree_nb.quantify.network_check import knows, network_for

NETWORK: Final = "measure"
TASKS: Final = ("quantify", "represent")
ALONG: Final = ("metric", "units")


def quantify(
    ds: xr.Dataset,
    network: str | Path | ModelSpec = NETWORK,
    *,
    least: float | None = None,
    alpha_um3_per_pg: float = ALPHA_UM3_PER_PG,
    tile_px: int | None = None,
    precision: str = "auto",
    device: str = "auto",
) -> xr.Dataset:
    """Maps in which each cell is a disc whose value is a measurement (Allier 2022 §2.3).

    Parameters
    ----------
    ds : Dataset
        With ``opd``, which is to be 0 where nothing is.
    network : str, Path or ModelSpec
        Name of a network that comes with the package, or a file of weights. ``"measure"`` learned
        from simulated truth; those whose names begin with ``paper`` imitate the standard pipeline,
        its errors included.
    least : float, optional
        How surely there must be a cell (0 to 1): what served the network best on its validation,
        unless you say otherwise.
    alpha_um3_per_pg : float
        Specific refractive increment (µm³/pg) that the dry mass is given by.
    tile_px : int, optional
        Side of a tile (px); a whole frame by default. Memory inside is bounded either way.
    precision : {"auto", "float32", "bfloat16"}
        Of the network.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    Dataset
        `ds` with ``detection`` ([time,] y, x; 0 to 1), ``representation`` ([time,] metric, y, x;
        units along ``metric``, 0 where no cell is) and ``representation_se``, the standard error of
        each: infinite where the cell is unlike those that the network learned from, near to
        unknown pixels, seen in pixels of another size or fewer colours, in an OPD that does not
        begin at 0, or in a frame that leaves more of its hologram unexplained than any that errors
        were held against; NaN of a network that tells none. Where `ds` tells the ``residual`` of
        its frames, as ``reconstruct`` does, errors are wider where it is larger.
        ``cells()`` reads them.

    Raises
    ------
    ParameterError
        If the network is for something else.
    DimensionError, DataError
        If ``residual`` is not one number a frame, or ``wavelength`` holds no lengths.

    Warns
    -----
    QualityWarning
        If the pixel size is not the one it learned from, colours are fewer, or the OPD does not
        begin at 0.
    """
    opd, pitch = opd_of(ds), pixel_size_of(ds)
    spec = network_for(network, TASKS)
    check_number("alpha_um3_per_pg", alpha_um3_per_pg, open_low=True)
    maps = drawn_maps(
        opd, _residual_of(ds), [], spec, known=knows(spec, ds), pixel_size_um=pitch, least=least,
        factors={"dry_mass_pg": ALPHA_UM3_PER_PG / alpha_um3_per_pg}, tile_px=tile_px,
        precision=precision, device=device,
    )  # fmt: skip
    return (
        ds.drop_vars([*MAPS, *ALONG], errors="ignore")
        .assign(maps.data_vars)
        .assign_coords({name: maps.coords[name] for name in ALONG})
        .assign_attrs(
            provenance(
                ds, "quantify", network=dataclasses.asdict(spec), least=least, tile_px=tile_px,
                alpha_um3_per_pg=alpha_um3_per_pg, precision=precision,
            )
        )
    )  # fmt: skip


def _residual_of(ds: xr.Dataset) -> xr.DataArray:
    """What each frame leaves unexplained of its hologram; NaN where the dataset does not say."""
    told = ds.get("residual")
    if told is None:
        return xr.DataArray(math.nan)
    if more := set(map(str, told.dims)) - {"time"}:
        raise DimensionError(
            f"residual has the dims {', '.join(sorted(more))}; it must be one number a frame, as "
            "reconstruct gives it"
        )
    if told.dtype.kind not in "uif":
        raise DataError(f"residual has dtype {told.dtype}; it must be a share of the contrast")
    return told.reset_coords(drop=True)
