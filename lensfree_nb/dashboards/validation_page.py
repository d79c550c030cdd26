"""A validation as one self-contained HTML page: scores, figures, and the cells behind them."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

import xarray as xr

from lensfree_nb.dashboards.agreement_figure import agreement_figure
from lensfree_nb.dashboards.disagreements import disagreements
from lensfree_nb.dashboards.document import pairs, picture, table, write_document
from lensfree_nb.dashboards.selection import checked_frame_number
from lensfree_nb.dashboards.summary import setup_rows, verbs
from lensfree_nb.errors import ParameterError
from lensfree_nb.evaluate.validation import Validation
from lensfree_nb.versions import versions

ALIKE: Final = "Each metric: measured values over reference values, and differences over means"
APART: Final = "Optical path difference around cells that were missed, extra, or far apart"


def write_validation_page(
    found: Validation,
    path: str | Path,
    *,
    ds: xr.Dataset | None = None,
    time: int = 0,
    title: str = "Validation of cell measurements",
) -> Path:
    """Write the page: scores, scores by density beside the paper's, figures, cells, history.

    Parameters
    ----------
    found : Validation
        Of ``lf.validate``.
    path : path
        Where to write.
    ds : Dataset, optional
        With the ``opd`` that was measured: for pictures of cells, and how these were made.
    time : int
        The frame that pictures are of.
    title : str
        Heading.

    Raises
    ------
    ParameterError
        If there is no such frame, or it is no validation.
    """
    if not isinstance(found, Validation):
        raise ParameterError(f"found is a {type(found).__name__}; give what lf.validate returns")
    cut = "counted too" if found.include_edge else "left out"
    parts = [
        f"<p class=lead>{escape(found.between)}: {len(found.pairs)} cells paired, "
        f"{len(found.missed)} missed, {len(found.extra)} extra; {found.told}.</p>",
        table(
            found.overall.drop(columns=list(found.shares), errors="ignore"),
            f"Cells cut by the border {cut}; slope and intercept with their 95 % intervals; "
            "limits: of agreement, 95 %", digits=3,
        ),
        picture(agreement_figure(found), ALIKE),
    ]  # fmt: skip
    if not found.by_density.empty:
        parts += [
            "<h2>By the density around each cell</h2>",
            table(
                found.beside_paper.reset_index().set_index("metric"),
                "Beside it the paper's networks against the paper's own pipeline (Allier 2022, "
                "table 1)", digits=3,
            ),
        ]  # fmt: skip
    if ds is not None:
        time = checked_frame_number(ds, time)
        parts += [
            f"<h2>Where they disagree, frame {time}</h2>",
            picture(disagreements(ds, found, time=time), APART),
            pairs("Setup", setup_rows(ds).items()),
            pairs("How it was made", verbs(ds)),
        ]
    return write_document(path, title, [*parts, pairs("Versions", versions().items())])
