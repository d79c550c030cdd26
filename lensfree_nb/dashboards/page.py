"""One self-contained HTML page of a result: nothing is fetched from anywhere."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import pandas as pd
import xarray as xr

from lensfree_nb.dashboards.figure import figure
from lensfree_nb.dashboards.summary import headline, quartiles, setup_rows, verbs
from lensfree_nb.evaluate.report import compare
from lensfree_nb.run.folders import made_folder
from lensfree_nb.run.tables import in_memory
from lensfree_nb.versions import version_of, versions

FIRST_CELLS = 20
STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:.2rem}h2{margin-top:2rem;font-size:1.15rem}
img{max-width:100%;background:#fff}.scroll{overflow-x:auto}
.lead{font-size:1.1rem}.made{color:#767b84;margin-top:0}
table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}
caption{text-align:left;color:#767b84;padding-bottom:.3rem}
td,th{padding:.2rem .8rem .2rem 0;text-align:right;white-space:nowrap;border-bottom:1px solid #8884}
th[scope=row],.pairs td{text-align:left}.pairs td{white-space:normal}
@media print{body{max-width:none;margin:0}h2{break-after:avoid}img,table{break-inside:avoid}}
"""
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

    Written under a temporary name and renamed, so that no reader ever sees half a page.

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
        f"<h1>{escape(title)}</h1>",
        f"<p class=made>{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, "
        f"lensfree_nb {escape(version_of('lensfree_nb'))}</p>",
        f"<p class=lead>{escape(headline(ds, cells))}</p>",
        _table(quartiles(cells), "Whole, trusted cells", digits=1),
        _picture(ds, cells, holograms, title),
        _pairs("Setup", setup_rows(ds).items()),
    ]
    if reference is not None:
        caption = (
            f"Cells against {reference_name}: paired within 10 µm, border cells left out of "
            "precision and regression; slope and intercept with their 95 % intervals"
        )
        parts += [
            f"<h2>Against {escape(reference_name)}</h2>",
            _table(compare(cells, reference), caption, digits=3),
        ]
    shown = min(FIRST_CELLS, len(cells))
    parts += [
        "<h2>Cells</h2>",
        _table(cells.head(shown).set_index("cell"), f"The first {shown} of {len(cells)}", digits=2),
        _pairs("How it was made", verbs(ds)),
        _pairs("Versions", versions().items()),
        f"<h2>How to cite</h2><p>{escape(CITE.format(version=version_of('lensfree_nb')))}</p>",
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )
    target = Path(path)
    made_folder(target.parent)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _picture(ds: xr.Dataset, cells: pd.DataFrame, holograms: xr.Dataset | None, title: str) -> str:
    buffer = io.BytesIO()
    figure(ds, cells, holograms=holograms, title=title).savefig(buffer, dpi=110, format="png")
    picture = base64.b64encode(buffer.getvalue()).decode()
    return (
        '<img alt="Holograms, optical path difference with outlined cells, and distributions of '
        f'the metrics, of the first frame" src="data:image/png;base64,{picture}">'
    )


def _table(table: pd.DataFrame, caption: str, *, digits: int) -> str:
    def text(value: object) -> str:
        return f"{value:.{digits}f}" if isinstance(value, float) else escape(str(value))

    heads = "".join(f"<th scope=col>{escape(str(name))}</th>" for name in table.columns)
    rows = "".join(
        f"<tr><th scope=row>{escape(str(label))}</th>"
        + "".join(f"<td>{text(value)}</td>" for value in row)
        + "</tr>"
        for label, row in zip(table.index, table.itertuples(index=False), strict=True)
    )
    name = escape(str(table.index.name or ""))
    return (
        f"<div class=scroll><table><caption>{escape(caption)}</caption>"
        f"<thead><tr><th scope=col>{name}</th>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _pairs(heading: str, pairs: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f"<tr><th scope=row>{escape(str(k))}</th><td>{escape(str(v))}</td></tr>" for k, v in pairs
    )
    return f"<h2>{escape(heading)}</h2><div class=scroll><table class=pairs>{rows}</table></div>"
