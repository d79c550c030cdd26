"""Simulated cultures: who is where, with which shape, and the truth about each cell."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Final

import numpy as np
import pandas as pd

from lensfree_nb.checks import check_number, check_rng, checked_shape
from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate import population
from lensfree_nb.simulate.measured_cells import MeasuredCells
from lensfree_nb.simulate.population import Wanted
from lensfree_nb.simulate.shapes import SHAPES, SPREAD
from lensfree_nb.simulate.spacing import SPACING_UM, places_um
from lensfree_nb.simulate.truth import fitted, measured

CULTURE_SEED: Final = 20220125
CULTURES: Final = ("adherent_183", "adherent_183_random")
# Cells per mm², and the share of them that ride on others.
PILED: Final = ((300.0, 600.0), (0.02, 0.10))
# How far neighbours part where they touch, of 1.
CONTACT: Final = 0.8
MOST_MARGIN_UM: Final = 1e5
HEAVY: Final = ("round", "waisted", "amoeboid", "rod", "doublet", "anaphase")


def culture(
    shape: tuple[int, int],
    density_per_mm2: float = 183.0,
    *,
    rng: np.random.Generator,
    pixel_size_um: float = 1.67,
    kinds: Mapping[str, float] | None = None,
    spacing_um: float = SPACING_UM,
    contact: float = CONTACT,
    piled: float | None = None,
    margin_um: float = 0.0,
    measured_cells: MeasuredCells | None = None,
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
    kinds : mapping of str to float, optional
        Share of each kind of :data:`lensfree_nb.simulate.shapes.SHAPES`, or ``measured``; what
        is missing to 1 is ``adherent``. :func:`with_debris` adds debris on top of the density.
    spacing_um : float
        Least distance between centres (µm), but for those that pile up; 0 places at random.
    contact : float
        Between 0 (neighbours overlap freely) and 1 (they part along a border and keep their mass).
    piled : float, optional
        Share of cells that ride on others: placed anywhere, and overlapping freely. By default
        2 % up to 300 cells per mm², rising to 10 % at 600.
    margin_um : float
        How far beyond the field cells lie too.
    measured_cells : MeasuredCells, optional
        Real cells, drawn where `kinds` names ``measured``.

    Returns
    -------
    DataFrame
        One row a cell: ``kind``, its shape parameters, and its true ``y_um, x_um, area_um2,
        dry_mass_pg, max_opd_nm, major_axis_um``. All simulated.

    Raises
    ------
    ParameterError
        If a kind is not known, shares are impossible, or so many cells do not fit.
    """
    shape = checked_shape(shape)
    check_rng(rng)
    for name, value in (("density_per_mm2", density_per_mm2), ("spacing_um", spacing_um)):
        check_number(name, value)
    check_number("margin_um", margin_um, 0, MOST_MARGIN_UM)
    check_number("pixel_size_um", pixel_size_um, open_low=True)
    if piled is None:
        piled = float(np.interp(density_per_mm2, *PILED))
    shares = _checked_shares(kinds or {}, contact, piled, measured_cells)
    size_um = np.asarray(shape) * pixel_size_um + 2 * margin_um
    count = round(density_per_mm2 * float(np.prod(size_um)) * 1e-6)
    points = places_um(size_um, count, rng, spacing_um=spacing_um, piled=piled) - margin_um
    chosen = rng.choice(list(shares), size=count, p=list(shares.values()))
    size = population.wanted(count, density_per_mm2, rng)
    parts = []
    for kind in shares:
        mine = np.flatnonzero(chosen == kind)
        if len(mine):
            some = Wanted(*(getattr(size, name)[mine] for name in Wanted.__dataclass_fields__))
            if kind == "measured" and measured_cells:
                rows = measured_cells.rows(len(mine), rng)
            else:
                rows = _rows(kind, some, rng)
            place = {"y_um": points[mine, 0], "x_um": points[mine, 1]}
            rows = rows.assign(**place)
            if kind in SPREAD:
                rows = fitted(rows, some)
            # The last of the places drawn are those of the riders.
            riding = mine >= count - round(piled * count)
            parts.append(rows.assign(contact=np.where(riding, 0.0, contact)))
    if not parts:
        return _empty()
    table = pd.concat(parts, ignore_index=True)
    return measured(table, conserve=True, measured_cells=measured_cells)


def with_debris(
    table: pd.DataFrame, shape: tuple[int, int], density_per_mm2: float, *,
    rng: np.random.Generator, pixel_size_um: float = 1.67,
) -> pd.DataFrame:  # fmt: skip
    """The culture and specks of debris (per mm²) anywhere among it, each with its truth."""
    shape = checked_shape(shape)
    check_rng(rng)
    check_number("density_per_mm2", density_per_mm2)
    check_number("pixel_size_um", pixel_size_um, open_low=True)
    size_um = np.asarray(shape) * pixel_size_um
    count = round(density_per_mm2 * float(np.prod(size_um)) * 1e-6)
    rows = population.debris_rows(count, rng)
    points = rng.uniform(0, size_um, (count, 2))
    specks = measured(rows.assign(y_um=points[:, 0], x_um=points[:, 1], contact=0.0), grid_um=0.2)
    return pd.concat([table, specks], ignore_index=True)


def load_culture(name: str) -> pd.DataFrame:
    """A fixed culture that comes with the package: ``adherent_183`` or ``adherent_183_random``.

    1024 × 1024 px of 1.67 µm, 183 smooth cells/mm², with least distances of 25 µm and 0. Drawn
    once with CULTURE_SEED by version 0.1.0 and kept, so that figures stay comparable.

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


def _rows(kind: str, size: Wanted, rng: np.random.Generator) -> pd.DataFrame:
    count = len(size.area_um2)
    mass = size.dry_mass_pg
    if kind in HEAVY:
        mass = mass * rng.uniform(1, 2, count)
    if kind == "adherent":
        return population.adherent_rows(size, rng)
    if kind == "epithelial":
        return population.epithelial_rows(size, rng)
    if kind == "spindle":
        return population.spindle_rows(size, rng)
    if kind in ("round", "suspended"):
        return population.round_rows(mass, rng, kind)
    if kind == "waisted":
        return population.waisted_rows(mass, rng)
    if kind == "amoeboid":
        return population.amoeboid_rows(mass, rng)
    if kind == "rod":
        return population.rod_rows(mass, rng)
    if kind in ("doublet", "anaphase"):
        return population.pair_rows(mass, rng, kind)
    if kind == "red_cell":
        return population.red_cell_rows(count, rng)
    return population.debris_rows(count, rng)


def _checked_shares(
    kinds: Mapping[str, float],
    contact: float,
    piled: float,
    measured_cells: MeasuredCells | None,
) -> dict[str, float]:
    known = (*SHAPES, "measured") if measured_cells else tuple(SHAPES)
    for kind in kinds:
        if kind == "measured" and not measured_cells:
            raise ParameterError("kinds names 'measured'; give measured_cells too")
        if kind not in known:
            raise ParameterError(f"kinds names {kind!r}; known are {', '.join(known)}")
    for kind, share in kinds.items():
        check_number(f"the share of {kind}", share, 0, 1)
    total = sum(kinds.values())
    if total > 1 + 1e-9:
        raise ParameterError(f"kinds adds up to {total:g}; shares are >= 0 and at most 1 together")
    check_number("contact", contact, 0, 1)
    check_number("piled", piled, 0, 1)
    rest = max(0.0, 1 - total)
    shares = {"adherent": rest + kinds.get("adherent", 0.0)}
    return shares | {kind: share for kind, share in kinds.items() if kind != "adherent"}


def _empty() -> pd.DataFrame:
    none = Wanted(*(np.empty(0) for _ in Wanted.__dataclass_fields__))
    rows = population.adherent_rows(none, np.random.default_rng(0))
    places = ("y_um", "x_um", "anchor_dy_um", "anchor_dx_um", "contact")
    return measured(rows.assign(**{name: np.empty(0) for name in places}))
