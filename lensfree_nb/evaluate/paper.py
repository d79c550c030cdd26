"""The scores of Allier 2022, table 1: what any other may be held beside."""

from __future__ import annotations

from typing import Final

import pandas as pd

DENSITIES_PER_MM2: Final = (183, 255, 364, 527)
# Per density: similarity of the representations, R², slope, intercept and MAD in the metric's unit.
SCORES: Final = ("ssim", "r2", "slope", "intercept", "mad")
_TABLE: Final = {
    "area_um2": (
        (0.93, 0.898, 0.96, 108.5, 32.0), (0.90, 0.889, 0.98, 99.9, 36.3),
        (0.86, 0.850, 0.93, 132.2, 39.9), (0.80, 0.763, 0.85, 180.4, 46.9),
    ),
    "dry_mass_pg": (
        (0.94, 0.873, 0.81, 62.1, 9.1), (0.92, 0.871, 0.80, 63.3, 10.7),
        (0.88, 0.850, 0.80, 64.1, 12.9), (0.83, 0.815, 0.77, 70.6, 13.7),
    ),
    "max_opd_nm": (
        (0.94, 0.942, 1.05, 8.22, 6.9), (0.92, 0.931, 1.03, 7.09, 7.4),
        (0.96, 0.944, 1.03, 10.09, 6.5), (0.83, 0.930, 1.03, 7.65, 7.4),
    ),
    "major_axis_um": (
        (0.92, 0.840, 1.00, 6.3, 3.0), (0.89, 0.817, 0.97, 7.8, 3.3),
        (0.84, 0.784, 0.90, 10.1, 3.3), (0.77, 0.707, 0.85, 11.7, 3.3),
    ),
}  # fmt: skip


def paper_table_1() -> pd.DataFrame:
    """One CNN a metric against the standard pipeline, on four test images of the paper.

    Returns
    -------
    DataFrame
        Index ``metric`` and ``density_per_mm2``; columns ``ssim, r2, slope, intercept, mad``.

    Examples
    --------
    >>> float(paper_table_1().loc[("dry_mass_pg", 183), "r2"])
    0.873
    """
    index = pd.MultiIndex.from_product(
        [list(_TABLE), DENSITIES_PER_MM2], names=["metric", "density_per_mm2"]
    )
    rows = [row for rows in _TABLE.values() for row in rows]
    return pd.DataFrame(rows, index=index, columns=list(SCORES))
