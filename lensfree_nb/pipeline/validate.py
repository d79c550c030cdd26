"""``lf.validate``: is this good enough for my cells? Against whatever there is to hold beside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from lensfree_nb.errors import ParameterError
from lensfree_nb.evaluate.pairing import MAX_DISTANCE_UM
from lensfree_nb.evaluate.validation import Validation, validation
from lensfree_nb.io.foreign_cells import read_cells
from lensfree_nb.quantify.cells import cells as cells_of
from lensfree_nb.run.tables import in_memory

if TYPE_CHECKING:
    import dask.dataframe as dd


def validate(
    cells: pd.DataFrame | dd.DataFrame,
    reference: pd.DataFrame | dd.DataFrame | xr.Dataset | str | os.PathLike[str],
    *,
    against: str | None = None,
    max_distance_um: float = MAX_DISTANCE_UM,
    include_edge: bool = False,
    **reading: Any,
) -> Validation:
    """The paper's table 1 for your own data.

    Parameters
    ----------
    cells : DataFrame, pandas or dask
        What is to be validated: of ``ds.lf.cells()``.
    reference : DataFrame, Dataset or path
        What it is held against: another table (an expert's, or simulated truth); a dataset with
        ``opd``, which the standard pipeline then measures; or a file of TrackMate, Fiji,
        CellProfiler or our own.
    against : str, optional
        What to call the reference. Call simulated truth simulated.
    max_distance_um : float
        Farthest a pair may be apart (µm).
    include_edge : bool
        Whether cells that touch the frame's border are scored too.
    **reading
        Of a file: ``pixel_size_um``, ``unit``, ``intensity_nm``, ``alpha_um3_per_pg``; see
        :func:`lensfree_nb.io.foreign_cells.read_cells`.

    Returns
    -------
    Validation
        ``overall``, ``by_density``, ``beside_paper``, ``pairs``, ``missed``, ``extra``; a table in
        a notebook.

    Raises
    ------
    ParameterError
        If the reference is none of these.

    Notes
    -----
    Precision, recall, R², slope, intercept and MAD are those of Allier 2022; bias is scored beside
    them, overall and in terciles, because R² does not see it.
    """
    table: pd.DataFrame | dd.DataFrame
    if isinstance(reference, (str, os.PathLike)):
        table, name = read_cells(reference, **reading), Path(reference).name
    elif reading:
        raise ParameterError(
            f"{', '.join(sorted(reading))} tells how to read a file; give its path"
        )
    elif isinstance(reference, xr.Dataset):
        table, name = cells_of(reference, method="standard"), "the standard pipeline"
    elif hasattr(reference, "columns"):
        table, name = reference, "the reference"
    else:
        raise ParameterError(
            f"reference is a {type(reference).__name__}; give a table, a dataset or a file"
        )
    return validation(
        in_memory(cells), in_memory(table), against=against or name,
        max_distance_um=max_distance_um, include_edge=include_edge,
    )  # fmt: skip
