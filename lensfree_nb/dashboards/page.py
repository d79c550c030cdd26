"""One self-contained HTML page of a result: nothing is fetched from anywhere."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

import pandas as pd
import xarray as xr

from lensfree_nb.dashboards.figure import figure
from lensfree_nb.evaluate.report import compare
from lensfree_nb.versions import versions

STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;
margin:2rem auto;padding:0 1rem}img{max-width:100%;background:#fff}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #8884}
"""


def write_page(
    ds: xr.Dataset,
    cells: pd.DataFrame,
    path: str | Path,
    *,
    reference: pd.DataFrame | None = None,
    holograms: xr.Dataset | None = None,
    title: str = "Lens-free microscopy",
) -> Path:
    """Write the page: summary, figure, first rows, comparison, provenance, versions.

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
    holograms : Dataset, optional
        The acquisition, for its pictures.
    title : str
        Heading.
    """
    buffer = io.BytesIO()
    figure(ds, cells, holograms=holograms, title=title).savefig(buffer, dpi=110, format="png")
    picture = base64.b64encode(buffer.getvalue()).decode()
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{len(cells)} cells in {ds.sizes.get('time', 1)} frames.</p>",
        f'<img alt="holograms, optical path difference with outlined cells, and distributions" '
        f'src="data:image/png;base64,{picture}">',
    ]
    if reference is not None:
        parts += ["<h2>Against the reference</h2>", compare(cells, reference).round(3).to_html()]
    parts += [
        "<h2>First cells</h2>",
        cells.head(20).to_html(index=False, float_format=lambda value: f"{value:.2f}"),
        "<h2>Provenance</h2>",
        f"<pre>{escape(str(ds.attrs.get('provenance', '')))}</pre>",
        "<h2>Versions</h2>",
        f"<pre>{escape(chr(10).join(f'{k} {v}' for k, v in versions().items()))}</pre>",
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )
    target = Path(path)
    target.write_text(page, encoding="utf-8")
    return target
