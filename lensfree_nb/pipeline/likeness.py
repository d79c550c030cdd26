"""How alike two tables of cells look, drawn as quantitative representations (Allier 2022 §2.4)."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.errors import QualityWarning
from lensfree_nb.evaluate.pairing import frames_of
from lensfree_nb.evaluate.similarity import ssim
from lensfree_nb.nets.units import PITCH_UM
from lensfree_nb.quantify.representation import DISC_PX, owners, representation

POINTS = ["y_um", "x_um"]
# Twenty-five sensor frames: what is wider has a wrong unit.
MOST_PX: Final = 2**28


def representation_ssim(cells: pd.DataFrame, reference: pd.DataFrame) -> pd.Series[float]:
    """Structural similarity of what two tables of cells look like, of each metric in both.

    Each frame's cells are drawn as discs of 10 µm on pixels of 1.67 µm, over all that either table
    reaches; of several frames it is the mean. The range that the score hangs on is the highest
    value of the reference in that frame: the paper does not tell its own. Most of such images is
    bare, where both are alike, so that few cells give a high score: it is there to be reported, not
    to judge by.

    Parameters
    ----------
    cells, reference : DataFrame
        With ``y_um, x_um``, metrics, and ``frame`` or ``time`` if there are several. Cells without
        a value are not drawn.

    Returns
    -------
    Series
        Index ``metric``, name ``ssim``; NaN where no frame of the reference has a value, or the
        cells tell none.

    Warns
    -----
    QualityWarning
        If places lie so far apart that they cannot be drawn: such a frame is not scored.
    """
    metrics = [name for name in METRIC_UNITS if name in cells and name in reference]
    told = [m for m in metrics if not len(cells) or cells[m].notna().any()]
    frames = frames_of(cells, reference)
    found: dict[str, list[float]] = {metric: [] for metric in metrics}
    for frame in np.unique(np.concatenate(frames)):
        both = [table[of == frame] for table, of in zip((cells, reference), frames, strict=True)]
        points = [table[POINTS].to_numpy(float) / PITCH_UM for table in both]
        every = np.concatenate(points)
        first = np.floor(every.min(0) - DISC_PX)
        height, width = (np.ceil(every.max(0) + DISC_PX) - first).astype(int) + 1
        if height * width > MOST_PX:
            _too_wide(height, width)
            continue
        for metric in told:
            mine, theirs = (
                _drawn(at - first, table[metric].to_numpy(float, na_value=np.nan), (height, width))
                for at, table in zip(points, both, strict=True)
            )
            if theirs.any():
                found[metric].append(ssim(mine, theirs, data_range=float(theirs.max())))
    means = {m: float(np.mean(each)) if each else np.nan for m, each in found.items()}
    return pd.Series(means, dtype=float, name="ssim").rename_axis("metric")


def _too_wide(height: int, width: int) -> None:
    warnings.warn(
        f"cells are spread over {height * PITCH_UM * 1e-3:.3g} x {width * PITCH_UM * 1e-3:.3g} mm, "
        "too far to be drawn: are all places in um?",
        QualityWarning,
        stacklevel=3,
    )


def _drawn(
    points_px: NDArray[np.float64], values: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.float32]:
    known = np.isfinite(values)
    image: NDArray[np.float32] = representation(
        values[known, None], owners(points_px[known], shape)
    )[0]
    return image
