"""``lf.validate``: is this good enough for my cells? Against whatever there is to hold beside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import xarray as xr

from lensfree_nb.errors import ParameterError
from lensfree_nb.evaluate.density import BANDS_PER_MM2
from lensfree_nb.evaluate.pairing import MAX_DISTANCE_UM
from lensfree_nb.evaluate.validation import Validation, validation
from lensfree_nb.io.foreign_cells import read_cells
from lensfree_nb.pipeline.likeness import representation_ssim
from lensfree_nb.quantify.cells import cells as cells_of
from lensfree_nb.run.tables import in_memory

if TYPE_CHECKING:
    import dask.dataframe as dd

OF_A_DATASET: Final = ("alpha_um3_per_pg",)
OF_A_FILE: Final = ("pixel_size_um", "unit", "intensity_nm", *OF_A_DATASET, "image")


def validate(
    cells: pd.DataFrame | dd.DataFrame,
    reference: pd.DataFrame | dd.DataFrame | xr.Dataset | str | os.PathLike[str],
    *,
    against: str | None = None,
    max_distance_um: float = MAX_DISTANCE_UM,
    include_edge: bool = False,
    bands_per_mm2: Sequence[float] = BANDS_PER_MM2,
    similarity: bool = False,
    **reading: Any,
) -> Validation:
    """The paper's table 1 for your own data.

    Parameters
    ----------
    cells : DataFrame, pandas or dask
        What is to be validated: of ``ds.lf.cells()``.
    reference : DataFrame, Dataset or path
        What it is held against: another table (an expert's, or simulated truth); a dataset with
        ``opd``, which the standard pipeline then measures, whatever ``labels`` it has; or a file
        of TrackMate, Fiji, CellProfiler or our own.
    against : str, optional
        What to call the reference. Call simulated truth simulated.
    max_distance_um : float
        Farthest a pair may be apart (µm).
    include_edge : bool
        Whether cells that touch the frame's border are scored too.
    bands_per_mm2 : sequence of float
        Ends of the bands of local density in which all is scored once more.
    similarity : bool
        Whether to say, too, how alike the tables look as representations
        (:func:`lensfree_nb.pipeline.likeness.representation_ssim`): some seconds a sensor frame.
    **reading
        Of a dataset: ``alpha_um3_per_pg`` of the pipeline. Of a file: ``pixel_size_um``, ``unit``,
        ``intensity_nm``, ``alpha_um3_per_pg``, ``image``; see
        :func:`lensfree_nb.io.foreign_cells.read_cells`.

    Returns
    -------
    Validation
        ``overall``, ``by_density``, ``beside_paper``, ``pairs``, ``missed``, ``extra``; a table in
        a notebook.

    Raises
    ------
    ParameterError
        If the reference is none of these, or is told what it has no use for.

    Notes
    -----
    Precision, recall, R², slope, intercept and MAD are those of Allier 2022; bias is scored beside
    them, overall and in terciles, because R² does not see it.
    """
    table: pd.DataFrame | dd.DataFrame
    known = (
        OF_A_FILE if isinstance(reference, (str, os.PathLike))
        else OF_A_DATASET if isinstance(reference, xr.Dataset) else ()
    )  # fmt: skip
    if unknown := [name for name in sorted(reading) if name not in known]:
        raise ParameterError(
            f"{', '.join(unknown)}: a reference of this kind has no use for that; a file takes "
            f"{', '.join(OF_A_FILE)}, a dataset {', '.join(OF_A_DATASET)}"
        )
    if not hasattr(cells, "columns"):
        raise ParameterError(f"cells is a {type(cells).__name__}; give the table of ds.lf.cells()")
    if isinstance(reference, (str, os.PathLike)):
        table, name = read_cells(reference, **reading), Path(reference).name
    elif isinstance(reference, xr.Dataset):
        bare = reference.drop_vars("labels", errors="ignore")
        table, name = cells_of(bare, method="standard", **reading), "the standard pipeline"
    elif hasattr(reference, "columns"):
        table, name = reference, "the reference"
    else:
        raise ParameterError(
            f"reference is a {type(reference).__name__}; give a table, a dataset or a file"
        )
    both = in_memory(cells), in_memory(table)
    found = validation(
        *both, against=against or name, max_distance_um=max_distance_um,
        bands_per_mm2=bands_per_mm2, include_edge=include_edge,
    )  # fmt: skip
    if not similarity:
        return found
    return replace(found, overall=found.overall.join(representation_ssim(*both)))
