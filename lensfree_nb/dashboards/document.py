"""A self-contained HTML document and its parts: nothing is fetched from anywhere."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from lensfree_nb.errors import WritingError
from lensfree_nb.run.folders import made_folder
from lensfree_nb.versions import version_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE: Final = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:.2rem}h2{margin-top:2rem;font-size:1.15rem}
img{display:block;max-width:100%;background:#fff}.scroll{overflow-x:auto}
.lead{font-size:1.1rem}.made{color:#767b84;margin-top:0}
table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}
caption{text-align:left;color:#767b84;padding-bottom:.3rem}
td,th{padding:.2rem .8rem .2rem 0;text-align:right;white-space:nowrap;border-bottom:1px solid #8884}
th[scope=row],.pairs td{text-align:left}.pairs td{white-space:normal}
@media print{body{max-width:none;margin:0}h2{break-after:avoid}img,table{break-inside:avoid}}
"""
PICTURE_DPI: Final = 110


def write_document(path: str | os.PathLike[str], title: str, parts: Iterable[str]) -> Path:
    """Write HTML under a heading; when and by which version it was made stands below that.

    Written under a temporary name and renamed, so that no reader ever sees half a page.

    Raises
    ------
    WritingError
        If the path is a folder, or cannot be written to.
    """
    target = Path(path)
    if target.is_dir():
        raise WritingError(f"{target} is a folder; give the name of a page in it")
    made = (
        f"<h1>{escape(title)}</h1>"
        f"<p class=made>{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, "
        f"lensfree_nb {escape(version_of('lensfree_nb'))}</p>"
    )
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body>{made}{''.join(parts)}</body></html>"
    )
    made_folder(target.parent)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def picture(drawing: Figure, words: str) -> str:
    """A figure, held in the document itself; `words` are read to those who do not see it."""
    buffer = io.BytesIO()
    drawing.savefig(buffer, dpi=PICTURE_DPI, format="png")
    held = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{held}">'


def table(rows: pd.DataFrame, caption: str, *, digits: int) -> str:
    """Rows of a table, its index first; numbers to so many digits after the point."""

    def text(value: object) -> str:
        return f"{value:.{digits}f}" if isinstance(value, float) else escape(str(value))

    heads = "".join(f"<th scope=col>{escape(str(name))}</th>" for name in rows.columns)
    body = "".join(
        f"<tr><th scope=row>{escape(str(label))}</th>"
        + "".join(f"<td>{text(value)}</td>" for value in row)
        + "</tr>"
        for label, row in zip(rows.index, rows.itertuples(index=False), strict=True)
    )
    name = escape(str(rows.index.name or ""))
    return (
        f"<div class=scroll><table><caption>{escape(caption)}</caption>"
        f"<thead><tr><th scope=col>{name}</th>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def pairs(heading: str, said: Iterable[tuple[str, str]]) -> str:
    """What is called what, under a heading."""
    rows = "".join(
        f"<tr><th scope=row>{escape(str(k))}</th><td>{escape(str(v))}</td></tr>" for k, v in said
    )
    return f"<h2>{escape(heading)}</h2><div class=scroll><table class=pairs>{rows}</table></div>"
