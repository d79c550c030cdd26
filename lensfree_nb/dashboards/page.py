"""One self-contained HTML page of a result: nothing is fetched from anywhere."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pandas as pd
import xarray as xr

from lensfree_nb.dashboards.document import pairs, picture, table, write_document
from lensfree_nb.dashboards.figure import figure
from lensfree_nb.dashboards.summary import headline, quartiles, setup_rows, verbs
from lensfree_nb.evaluate.report import compare
from lensfree_nb.run.tables import in_memory
from lensfree_nb.versions import version_of, versions

FIRST_CELLS = 20
PICTURE = (
    "Holograms, optical path difference with outlined cells, and distributions of the metrics, of "
    "the first frame"
)
CITE = (
    "lensfree_nb {version}. The standard pipeline of the measurements, and their definitions: "
    "Allier et al., Cytometry Part A 101, 2022. Dry mass by Barer (1952)."
)


def write_page(
    ds: xr.Dataset,
    cells: pd.DataFrame,
    path: str | Path,
    *,
    reference: pd.DataFrame | None = None,
    reference_name: str = "the reference",
    holograms: xr.Dataset | None = None,
    title: str = "Lens-free microscopy",
) -> Path:
    """Write the page: summary, figure, setup, first cells, comparison, how it was made.

    Parameters
    ----------
    ds : Dataset
        With ``opd``.
    cells : DataFrame
        From ``ds.lf.cells()``.
    path : path
        Where to write.
    reference : DataFrame, optional
        Another table of the same cells, to compare with.
    reference_name : str
        What the reference is: say so where it is simulated.
    holograms : Dataset, optional
        The acquisition, for its pictures.
    title : str
        Heading.
    """
    cells = in_memory(cells)
    parts = [
        f"<p class=lead>{escape(headline(ds, cells))}</p>",
        table(quartiles(cells), "Whole, trusted cells", digits=1),
        picture(figure(ds, cells, holograms=holograms, title=title), PICTURE),
        pairs("Setup", setup_rows(ds).items()),
    ]
    if reference is not None:
        caption = (
            f"Cells against {reference_name}: paired within 10 µm, border cells left out of "
            "precision and regression; slope and intercept with their 95 % intervals"
        )
        parts += [
            f"<h2>Against {escape(reference_name)}</h2>",
            table(compare(cells, reference), caption, digits=3),
        ]
    shown = min(FIRST_CELLS, len(cells))
    parts += [
        "<h2>Cells</h2>",
        table(cells.head(shown).set_index("cell"), f"The first {shown} of {len(cells)}", digits=2),
        pairs("How it was made", verbs(ds)),
        pairs("Versions", versions().items()),
        f"<h2>How to cite</h2><p>{escape(CITE.format(version=version_of('lensfree_nb')))}</p>",
    ]
    return write_document(path, title, parts)
