"""``lensfree demo``: the whole line on an embedded example, its simulated truth beside it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

if TYPE_CHECKING:
    from collections.abc import Callable

TITLE = "Simulated holograms, reconstructed and measured"


def run_demo(out: Path, *, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Simulate holograms, write them as an instrument would, and carry them through the line.

    Parameters
    ----------
    out : Path
        Folder for the holograms, the table (Parquet and CSV), the picture and the page.
    say : callable
        Where progress and the summary are printed.

    Returns
    -------
    DataFrame
        The comparison with the simulated truth, one row a metric.
    """
    from lensfree_nb.dashboards.page import write_page
    from lensfree_nb.evaluate.report import compare
    from lensfree_nb.evaluate.similarity import rmse
    from lensfree_nb.io.export import write_cells
    from lensfree_nb.io.instrument_files import write_instrument_files
    from lensfree_nb.io.opening import open_acquisition
    from lensfree_nb.quantify.cells import cells, segment
    from lensfree_nb.reconstruct.find_distance import find_distance
    from lensfree_nb.reconstruct.reconstruct import reconstruct
    from lensfree_nb.simulate.acquisition import example

    started = time.perf_counter()
    simulated, truth = example()
    folder = write_instrument_files(simulated, out / "holograms")
    say(f"simulated holograms       {folder}  ({simulated.sizes['time']} frames, RGB)")
    setup = {name: simulated.attrs[name] for name in _SETUP}
    ds = open_acquisition(str(folder / "*.tif"), wavelength_nm=(640, 530, 450), **setup).compute()
    ds = find_distance(ds)
    say(
        f"distance found            {float(ds['distance']):.1f} um "
        f"(simulated at {simulated.attrs['simulated_distance_um']:.0f} um)"
    )
    rec = segment(reconstruct(ds))
    error = rmse(rec["opd"].values, simulated["truth_opd"].values)
    say(f"OPD against the truth     {error:.2f} nm RMSE over {rec['opd'].size} px")
    table = cells(rec)
    assert isinstance(table, pd.DataFrame)  # the data are in memory
    files = write_cells(table, out)
    picture = out / "figure.png"
    _draw(rec, table, ds, picture)
    page = write_page(
        rec, table, out / "page.html", reference=truth, reference_name="the simulated truth",
        holograms=ds, title=TITLE,
    )  # fmt: skip
    scores = compare(table, truth)
    say(f"cells measured            {len(table)}, simulated {len(truth)}")
    say(_summary(scores))
    say(f"took                      {time.perf_counter() - started:.0f} s")
    for path in (*np.atleast_1d(np.asarray(files, dtype=object)), picture, page):
        say(f"written                   {path}")
    return scores


_SETUP = (
    "pixel_size_um", "medium_index", "source_diameter_um", "source_distance_mm", "bandwidth_nm",
)  # fmt: skip


def _draw(rec: xr.Dataset, table: pd.DataFrame, holograms: xr.Dataset, path: Path) -> None:
    from lensfree_nb.dashboards.figure import figure

    figure(rec, table, holograms=holograms, title=TITLE).savefig(path, dpi=130)


def _summary(scores: pd.DataFrame) -> str:
    lines = [
        f"whole cells against the simulated truth: precision {scores['precision'].iloc[0]:.3f}, "
        f"recall {scores['recall'].iloc[0]:.3f}"
    ]
    for metric, row in scores.iterrows():
        lines.append(
            f"  {metric!s:15s} R2 {row['r2']:.3f}  slope {row['slope']:.2f}  "
            f"bias {row['bias_percent']:+.1f} %  MAD {row['mad']:.3g}  (n = {row['n']:.0f})"
        )
    return "\n".join(lines)
