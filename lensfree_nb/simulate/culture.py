"""Simulated cultures: who is where, with which shape, and the truth about each.

The population follows Allier 2022, table 1: area 585–674 ± 158–176 µm², dry mass 185–209 ±
45–56 pg, maximal OPD 75–79 ± 16–21 nm, major axis 40–43 ± 9–11 µm.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.contract import METRIC_UNITS
from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.shapes import LOBES, adherent_opd_nm, round_opd_nm

ALPHA_UM3_PER_PG: Final = 0.18
OUTLINE_FRACTION: Final = 0.2
REACH: Final = 2.2
ROUND_OPD_NM: Final = 300.0
CULTURE_SEED: Final = 20220125
CULTURES: Final = ("adherent_183", "adherent_183_random")


def culture(
    shape: tuple[int, int],
    density_per_mm2: float = 183.0,
    *,
    rng: np.random.Generator,
    pixel_size_um: float = 1.67,
    spacing_um: float | None = 25.0,
    round_fraction: float = 0.0,
) -> pd.DataFrame:
    """Draw a culture and measure each of its cells before any optics.

    Parameters
    ----------
    shape : (int, int)
        Field (px) over which the cells lie.
    density_per_mm2 : float
        Cells per mm².
    rng : numpy Generator
        Source of every random number.
    pixel_size_um : float
        Pixel pitch (µm).
    spacing_um : float, optional
        Least distance between centres (µm); None places them at random.
    round_fraction : float
        Share of cells rounded up to divide: spheres of 300 to 600 nm at the centre, with once to
        twice the dry mass that the cell would have lying flat.

    Returns
    -------
    DataFrame
        One row a cell: its shape parameters, and its true ``y_um, x_um, area_um2, dry_mass_pg,
        max_opd_nm, major_axis_um``. All simulated.
    """
    size_um = np.asarray(shape) * pixel_size_um
    count = round(density_per_mm2 * float(np.prod(size_um)) * 1e-6)
    centres = _places(size_um, count, spacing_um, rng)
    table = _shapes(centres, rng)
    rounded = rng.random(count) < round_fraction
    measured = measure_truth(table.assign(round=False))
    if rounded.any():
        table = _rounded(table, measured["dry_mass_pg"].to_numpy(), rounded, rng)
        measured = measure_truth(table.assign(round=rounded))
    return pd.concat([table.assign(round=rounded), measured], axis=1)


def render(
    table: pd.DataFrame, shape: tuple[int, int], pixel_size_um: float
) -> NDArray[np.float32]:
    """OPD (nm, float32) of a culture on a grid; overlapping cells add up.

    Pixel (i, j) is centred at ``(i * pixel_size_um, j * pixel_size_um)``.
    """
    opd = np.zeros(shape, np.float32)
    for cell in _rows(table):
        rows, columns = (
            _window(cell[axis], cell["reach_um"], pixel_size_um, length)
            for axis, length in zip(("y_um", "x_um"), shape, strict=True)
        )
        if rows.size and columns.size:
            y, x = rows.astype(float) * pixel_size_um, columns.astype(float) * pixel_size_um
            patch = cell_opd_nm(cell, y[:, None], x[None])
            opd[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += patch.astype(np.float32)
    return opd


def cell_opd_nm(
    cell: dict[str, float], y_um: NDArray[np.floating], x_um: NDArray[np.floating]
) -> NDArray[np.float64]:
    """OPD (nm) of one row of a culture, adherent or round."""
    return (round_opd_nm if cell["round"] else adherent_opd_nm)(cell, y_um, x_um)


def measure_truth(table: pd.DataFrame, grid_um: float = 0.5) -> pd.DataFrame:
    """True metrics of each cell, from its own OPD alone on a grid of `grid_um`.

    The outline is where the OPD exceeds a fifth of the cell's mean height; the major axis is
    that of the ellipse with the outline's second moments, as scikit-image defines it.
    """
    rows = []
    for cell in _rows(table):
        reach = np.arange(-cell["reach_um"], cell["reach_um"] + grid_um, grid_um)
        y, x = (cell["y_um"] + reach)[:, None], (cell["x_um"] + reach)[None]
        opd = cell_opd_nm(cell, y, x)
        inside = opd > OUTLINE_FRACTION * cell["height_nm"]
        yy, xx = np.nonzero(inside)
        covariance = np.cov(np.stack([yy, xx])) * grid_um**2
        rows.append(
            {
                "area_um2": inside.sum() * grid_um**2,
                "dry_mass_pg": opd.sum() * 1e-3 * grid_um**2 / ALPHA_UM3_PER_PG,
                "max_opd_nm": opd.max(),
                "major_axis_um": 4 * np.sqrt(np.linalg.eigvalsh(covariance)[-1]),
            }
        )
    return pd.DataFrame(rows, index=table.index, columns=list(METRIC_UNITS))


def load_culture(name: str) -> pd.DataFrame:
    """A fixed culture that comes with the package: ``adherent_183`` or ``adherent_183_random``.

    1024 × 1024 px of 1.67 µm, 183 cells/mm²; made by ``culture((1024, 1024), rng=
    np.random.default_rng(CULTURE_SEED))``, the second with ``spacing_um=None``.

    Raises
    ------
    ParameterError
        If there is none of that name.
    """
    if name not in CULTURES:
        raise ParameterError(f"culture is {name!r}; use one of {', '.join(CULTURES)}")
    source = resources.files("lensfree_nb.simulate") / "cultures" / f"{name}.csv"
    with source.open("r") as file:
        return pd.read_csv(file)


def _places(
    size_um: NDArray[np.float64], count: int, spacing_um: float | None, rng: np.random.Generator
) -> NDArray[np.float64]:
    if spacing_um is None:
        return rng.uniform(0, size_um, (count, 2))
    centres = np.empty((0, 2))
    if count == 0:
        return centres
    for _ in range(200 * count):
        candidate = rng.uniform(0, size_um)
        if not len(centres) or np.hypot(*(centres - candidate).T).min() >= spacing_um:
            centres = np.vstack([centres, candidate])
        if len(centres) == count:
            return centres
    raise ParameterError(
        f"{count} cells do not fit with {spacing_um} um between centres; lower the density or "
        "the spacing"
    )


def _shapes(centres: NDArray[np.float64], rng: np.random.Generator) -> pd.DataFrame:
    count = len(centres)
    area = np.clip(rng.normal(505, 120, count), 220, 950)
    aspect = np.clip(rng.normal(2.1, 0.6, count), 1.2, 3.8)
    minor = np.sqrt(area / np.pi / aspect)
    height = np.clip(rng.normal(62, 6, count), 35, 90)
    nucleus = np.clip(rng.normal(13, 17, count), 0, 65)
    table = {
        "y_um": centres[:, 0],
        "x_um": centres[:, 1],
        "semi_major_um": aspect * minor,
        "semi_minor_um": minor,
        "angle_rad": rng.uniform(0, np.pi, count),
        "height_nm": height,
        "nucleus_nm": nucleus,
        "texture": rng.uniform(0.0, 0.12, count),
    }
    for lobe in LOBES:
        table[f"lobe_{lobe}"] = rng.uniform(0.0, 0.14, count)
        table[f"phase_{lobe}"] = rng.uniform(0, 2 * np.pi, count)
    return pd.DataFrame(table)


def _rounded(
    table: pd.DataFrame, mass_pg: NDArray[np.float64], rounded: NDArray[np.bool_],
    rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    growth = rng.uniform(1, 2, len(table))
    # The mean OPD of a sphere is two thirds of that at its centre. Growing at constant radius, a
    # cell of 195 pg and 7.5 um has 300 nm, and 600 nm with its mass doubled.
    radius = np.sqrt(mass_pg * ALPHA_UM3_PER_PG * 1e3 / (2 / 3 * np.pi * ROUND_OPD_NM))
    centre_nm = growth * ROUND_OPD_NM
    return table.assign(
        semi_major_um=np.where(rounded, radius, table["semi_major_um"]),
        semi_minor_um=np.where(rounded, radius, table["semi_minor_um"]),
        height_nm=np.where(rounded, centre_nm, table["height_nm"]),
    )


def _rows(table: pd.DataFrame) -> Iterator[dict[str, float]]:
    for row in table.to_dict("records"):
        cell = {str(k): v for k, v in row.items()}
        yield {**cell, "reach_um": REACH * cell["semi_major_um"]}


def _window(centre: float, reach: float, pitch: float, length: int) -> NDArray[np.int64]:
    low, high = np.ceil((centre - reach) / pitch), np.floor((centre + reach) / pitch)
    return np.arange(max(low, 0), min(high, length - 1) + 1).astype(np.int64)
