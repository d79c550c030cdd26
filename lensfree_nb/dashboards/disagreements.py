"""The cells on which two tables disagree most, each as it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.contract import METRIC_UNITS, frame_origin_um, opd_of, pixel_size_of
from lensfree_nb.dashboards.figure import FOUND
from lensfree_nb.evaluate.validation import Validation
from lensfree_nb.run.tables import cells_of_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN: Final = 6
SIDE_UM: Final = 90.0
MISSED, EXTRA, APART = "missed", "extra", "far apart"


def disagreements(ds: xr.Dataset, found: Validation, *, time: int = 0) -> Figure:
    """Up to six cells of a frame in each row: missed, extra, and measured most differently.

    Parameters
    ----------
    ds : Dataset
        With the ``opd`` that was measured.
    found : Validation
        Of ``lf.validate``.
    time : int
        Which frame.
    """
    from matplotlib.figure import Figure

    opd, pitch, origin = opd_of(ds), pixel_size_of(ds), frame_origin_um(ds)
    image = (opd.isel(time=time) if "time" in opd.dims else opd).values
    rows = chosen_cells(ds, found, time)
    top = float(np.nanpercentile(image, 99.8)) if np.isfinite(image).any() else 1.0
    drawing = Figure(figsize=(1.6 * SHOWN, 1.9 * len(rows)), layout="constrained")
    for axes, (name, cells) in zip(
        drawing.subplots(len(rows), SHOWN, squeeze=False), rows.items(), strict=True
    ):
        axes[0].set_title(name, fontsize=9, loc="left")
        for number, axis in enumerate(axes):
            axis.set_axis_off()
            if number < len(cells):
                cell = cells.iloc[number]
                at = (np.array([cell["y_um"], cell["x_um"]]) - origin) / pitch
                _crop(axis, image, at, SIDE_UM / pitch / 2, max(top, 1.0))
                axis.text(
                    0.5, -0.04, str(cell["words"]), transform=axis.transAxes, ha="center",
                    va="top", fontsize=7,
                )  # fmt: skip
    return drawing


def chosen_cells(ds: xr.Dataset, found: Validation, time: int) -> dict[str, pd.DataFrame]:
    """Of each kind of disagreement the first few cells of a frame, and ``words`` to each.

    Parameters
    ----------
    ds, found, time
        As of :func:`disagreements`.
    """
    mine = {
        name: cells_of_frame(ds, table, time)
        for name, table in ((MISSED, found.missed), (EXTRA, found.extra), (APART, found.pairs))
    }
    mine[APART] = _farthest(mine[APART][mine[APART]["scored"].to_numpy(bool)])
    for name in (MISSED, EXTRA):
        mine[name] = mine[name].head(SHOWN).assign(words="")
    return mine


def _farthest(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs by their largest relative difference, the first of them, with what differs."""
    metrics = [metric for metric in METRIC_UNITS if metric in pairs]
    if not metrics or not len(pairs):
        return pairs.head(0).assign(words="")
    relative = pd.DataFrame(
        {metric: (pairs[metric] / pairs[f"{metric}_reference"] - 1).abs() for metric in metrics}
    ).dropna(how="all")
    first = relative.max(axis=1).sort_values(ascending=False).index[:SHOWN]
    return pairs.loc[first].assign(
        words=[
            f"{metric}\n{row[f'{metric}_reference']:.0f} → {row[metric]:.0f}"
            for metric, (_, row) in zip(
                relative.loc[first].idxmax(axis=1), pairs.loc[first].iterrows(), strict=True
            )
        ]
    )


def _crop(
    axis: Axes, image: NDArray[np.floating[Any]], at: NDArray[np.float64], reach: float, top: float
) -> None:
    y, x = at
    first = np.maximum(np.floor(at - reach), 0).astype(int)
    last = np.minimum(np.ceil(at + reach) + 1, image.shape).astype(int)
    part = image[first[0] : last[0], first[1] : last[1]]
    axis.imshow(
        part, cmap="magma", vmin=0, vmax=top, interpolation="nearest",
        extent=(first[1] - 0.5, last[1] - 0.5, last[0] - 0.5, first[0] - 0.5),
    )  # fmt: skip
    axis.plot([x], [y], marker="+", color=FOUND, markersize=9)
    axis.set_xlim(x - reach, x + reach)
    axis.set_ylim(y + reach, y - reach)
