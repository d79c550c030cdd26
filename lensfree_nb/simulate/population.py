"""Who lives in a culture: the rows of its cells, drawn so that their measurements are the paper's.

Allier 2022, table 1, gives mean and standard deviation of four metrics at four densities. Area,
dry mass, maximal OPD and elongation are drawn first; shapes are then sized and filled to them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.simulate.shapes import LOBES, NUCLEOLI, WAVES

Floats = NDArray[np.float64]
ALPHA_UM3_PER_PG: Final = 0.18
# Density (cells/mm²): mean and standard deviation of area (µm²), dry mass (pg), maximal OPD (nm),
# major axis (µm).
PAPER: Final[Mapping[int, tuple[tuple[float, float], ...]]] = {
    183: ((584.8, 157.9), (184.9, 44.7), (79.4, 20.8), (40.4, 11.2)),
    255: ((641.3, 175.5), (194.9, 49.7), (75.5, 17.0), (42.3, 11.5)),
    364: ((673.7, 175.9), (209.0, 55.3), (76.8, 16.5), (42.9, 11.2)),
    527: ((655.0, 166.4), (203.4, 55.8), (74.7, 15.9), (40.0, 9.4)),
}
MASS_FOLLOWS_AREA: Final = 0.68
# Tips and sheets make an outline longer than the ellipse it is drawn from.
IRREGULAR: Final = 1.05
LEAST_OWN_VARIATION: Final = 0.05
REACH_OF_NORMAL: Final = 3.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What each cell shall measure: arrays of one length, and its elongation."""

    area_um2: Floats
    dry_mass_pg: Floats
    max_opd_nm: Floats
    aspect: Floats


def wanted(count: int, density_per_mm2: float, rng: np.random.Generator) -> Wanted:
    """Draw measurements from log-normal populations, as in the paper at that density.

    Between its four densities they are interpolated, beyond them kept. Mass follows area with a
    correlation of 0.68, the maximal OPD follows the mean one.
    """
    (area, mass, opd, axis) = _interpolated(density_per_mm2)
    normal = np.clip(rng.standard_normal((4, count)), -REACH_OF_NORMAL, REACH_OF_NORMAL)
    rho = MASS_FOLLOWS_AREA
    ln_area = _ln(*area)[1] * normal[0]
    ln_mass = _ln(*mass)[1] * (rho * normal[0] + math.sqrt(1 - rho**2) * normal[1])
    ln_mean_opd = ln_mass - ln_area
    spread = _ln(*area)[1] ** 2 + _ln(*mass)[1] ** 2 - 2 * rho * _ln(*area)[1] * _ln(*mass)[1]
    own = math.sqrt(max(_ln(*opd)[1] ** 2 - spread, LEAST_OWN_VARIATION**2))
    mean_aspect, spread_aspect = _aspect(area, axis)
    return Wanted(
        area_um2=np.exp(_ln(*area)[0] + ln_area),
        dry_mass_pg=np.exp(_ln(*mass)[0] + ln_mass),
        max_opd_nm=np.exp(_ln(*opd)[0] + ln_mean_opd + own * normal[2]),
        aspect=np.clip(mean_aspect * np.exp(spread_aspect * normal[3]), 1.05, 6.0),
    )


def adherent_rows(size: Wanted, rng: np.random.Generator) -> pd.DataFrame:
    """Fibroblast-like cells: outlines, sheets, nuclei and grain; sizes are those of an ellipse."""
    count = len(size.area_um2)
    minor = np.sqrt(size.area_um2 / np.pi / size.aspect)
    table = {
        "kind": np.full(count, "adherent", object),
        "semi_major_um": size.aspect * minor,
        "semi_minor_um": minor,
        "angle_rad": rng.uniform(0, np.pi, count),
        "height_nm": np.ones(count),
        "nucleus_nm": np.zeros(count),
        "tip": rng.uniform(0, 0.25, count) * (size.aspect > 1.6),
        "lamella": np.where(rng.random(count) < 0.4, rng.uniform(0.1, 0.35, count), 0.0),
        "lamella_rad": rng.uniform(0, 2 * np.pi, count),
        "taper": rng.uniform(0.0, 0.15, count),
        "edge": rng.uniform(0.035, 0.085, count),
        "nucleus_y": rng.normal(0, 0.1, count),
        "nucleus_x": rng.normal(0, 0.12, count),
    }
    for lobe in LOBES:
        table[f"lobe_{lobe}"] = rng.uniform(0, 0.3 / lobe, count)
        table[f"phase_{lobe}"] = rng.uniform(0, 2 * np.pi, count)
    for n in NUCLEOLI:
        present = rng.random(count) < 0.8
        table[f"nucleolus_{n}"] = np.where(present, rng.uniform(0.15, 0.5, count), 0.0)
        table[f"nucleolus_{n}_y"] = rng.normal(0, 0.2, count) * minor
        table[f"nucleolus_{n}_x"] = rng.normal(0, 0.15, count) * size.aspect * minor
    return pd.DataFrame(table).assign(**_grain(count, rng))


def epithelial_rows(size: Wanted, rng: np.random.Generator) -> pd.DataFrame:
    """Flat, compact cells: the same parts, but hardly elongated, without tips or sheets."""
    compact = Wanted(size.area_um2, size.dry_mass_pg, size.max_opd_nm, size.aspect**0.3)
    return adherent_rows(compact, rng).assign(kind="epithelial", tip=0.0, lamella=0.0, taper=0.05)


def spindle_rows(size: Wanted, rng: np.random.Generator) -> pd.DataFrame:
    """Slender cells with two drawn-out ends, as smooth muscle: twice as elongated, no sheet."""
    count = len(size.area_um2)
    slender = Wanted(size.area_um2, size.dry_mass_pg, size.max_opd_nm, 2 * size.aspect)
    ends = rng.uniform(0.2, 0.5, count)
    return adherent_rows(slender, rng).assign(kind="spindle", tip=ends, lamella=0.0)


def round_rows(mass_pg: Floats, rng: np.random.Generator, kind: str = "round") -> pd.DataFrame:
    """Spheres that keep mass and volume when a flat cell rounds up.

    Their concentration of dry mass (0.09 to 0.28 pg/µm³) sets the volume, and with it the OPD at
    the centre: 250 to 700 nm for most, up to 1000 nm.
    """
    count = len(mass_pg)
    ln = np.clip(rng.normal(math.log(0.15), 0.25, count), math.log(0.09), math.log(0.28))
    radius = (3 * mass_pg / np.exp(ln) / (4 * np.pi)) ** (1 / 3)
    centre_nm = 2 * radius * ALPHA_UM3_PER_PG * np.exp(ln) * 1e3
    return pd.DataFrame(
        {
            "kind": np.full(count, kind, object),
            "semi_major_um": radius,
            "semi_minor_um": radius,
            "angle_rad": rng.uniform(0, np.pi, count),
            "height_nm": centre_nm,
        }
    )


def waisted_rows(mass_pg: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Rounded cells of all stages of a division, until a furrow of 95 %, 1.1 to 2.4 times as long.

    Sized as ellipsoids of revolution of that mass; what they hold follows from the furrow.
    """
    rows = round_rows(mass_pg, rng, "waisted")
    longer = rng.uniform(1.1, 2.4, len(mass_pg))
    return rows.assign(
        semi_major_um=rows["semi_major_um"] * longer ** (2 / 3),
        semi_minor_um=rows["semi_minor_um"] / longer ** (1 / 3),
        height_nm=rows["height_nm"] / longer ** (1 / 3),
        furrow=rng.uniform(0.1, 0.95, len(mass_pg)),
    )


def amoeboid_rows(mass_pg: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Thick cells between ball and sheet: lobed and up to twice as long as wide, their own grain.

    Sized as balls of that mass; what they hold in the end follows from their shape.
    """
    count = len(mass_pg)
    stretch = np.sqrt(rng.uniform(1.0, 2.0, count))
    rows = round_rows(mass_pg, rng, "amoeboid")
    table: dict[str, Floats] = {
        "semi_major_um": rows["semi_major_um"].to_numpy() * stretch,
        "semi_minor_um": rows["semi_minor_um"].to_numpy() / stretch,
        "flank": rng.uniform(0.3, 1.2, count),
    }
    for lobe in LOBES:
        table[f"lobe_{lobe}"] = rng.uniform(0, 0.4 / lobe, count)
        table[f"phase_{lobe}"] = rng.uniform(0, 2 * np.pi, count)
    grain = _grain(count, rng)
    grain["granules"] *= rng.uniform(0, 4, count)
    return rows.assign(**table, **grain)


def rod_rows(mass_pg: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Rods of the mass and concentration of balls, 1.5 to 4 times as long as wide."""
    rows = round_rows(mass_pg, rng, "rod")
    stretch = rng.uniform(1.5, 4.0, len(mass_pg)) ** 0.5
    return rows.assign(
        semi_major_um=rows["semi_major_um"] * stretch,
        semi_minor_um=rows["semi_minor_um"] / stretch,
        height_nm=rows["height_nm"] / stretch,
    )


def pair_rows(mass_pg: Floats, rng: np.random.Generator, kind: str) -> pd.DataFrame:
    """Two spheres of half the mass each: pressed together (doublet), or parting (anaphase)."""
    halves = round_rows(mass_pg / 2, rng, kind)
    apart = {"doublet": (1.7, 2.0), "anaphase": (0.9, 1.5)}[kind]
    return halves.assign(apart_um=halves["semi_major_um"] * rng.uniform(*apart, len(mass_pg)))


def red_cell_rows(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Red cells lying flat: 6.7 to 8.7 µm wide, about 150 nm at the rim, hardly absorbing."""
    radius = np.clip(rng.normal(3.85, 0.25, count), 3.3, 4.4)
    return pd.DataFrame(
        {
            "kind": np.full(count, "red_cell", object),
            "semi_major_um": radius,
            "semi_minor_um": radius * rng.uniform(0.9, 1.0, count),
            "angle_rad": rng.uniform(0, np.pi, count),
            "height_nm": np.clip(rng.normal(150, 25, count), 90, 270),
            "absorbance": rng.uniform(0.0, 0.05, count),
        }
    )


def debris_rows(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Specks of 0.5 to 3 µm, some of them dark."""
    minor = rng.uniform(0.3, 0.8, count)
    return pd.DataFrame(
        {
            "kind": np.full(count, "debris", object),
            "semi_major_um": minor * rng.uniform(1, 3, count),
            "semi_minor_um": minor,
            "angle_rad": rng.uniform(0, np.pi, count),
            "height_nm": rng.uniform(20, 150, count),
            "absorbance": np.where(rng.random(count) < 0.5, rng.uniform(0.1, 1.0, count), 0.0),
        }
    )


def _interpolated(density: float) -> tuple[tuple[float, float], ...]:
    known = sorted(PAPER)
    return tuple(
        (
            float(np.interp(density, known, [PAPER[d][metric][0] for d in known])),
            float(np.interp(density, known, [PAPER[d][metric][1] for d in known])),
        )
        for metric in range(4)
    )


def _ln(mean: float, sd: float) -> tuple[float, float]:
    """Location and scale of the log-normal population with that mean and standard deviation."""
    variance = math.log1p((sd / mean) ** 2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


def _aspect(area: tuple[float, float], axis: tuple[float, float]) -> tuple[float, float]:
    """Median and log-spread of the aspect ratio: of an ellipse, axis = 2 sqrt(area aspect / pi)."""
    ln_area, ln_axis = _ln(*area), _ln(*axis)
    median = math.pi / 4 * math.exp(2 * ln_axis[0] - ln_area[0]) / IRREGULAR**2
    return median, 2 * math.sqrt(max(ln_axis[1] ** 2 - (ln_area[1] / 2) ** 2, 0.01))


def _grain(count: int, rng: np.random.Generator) -> dict[str, Floats]:
    columns = {"granules": rng.uniform(0.01, 0.05, count)}
    for n in WAVES:
        k, bearing = 2 * np.pi / rng.uniform(2.0, 14.0, count), rng.uniform(0, np.pi, count)
        columns[f"wave_{n}_y"] = k * np.sin(bearing)
        columns[f"wave_{n}_x"] = k * np.cos(bearing)
        columns[f"wave_{n}_phase"] = rng.uniform(0, 2 * np.pi, count)
    return columns
