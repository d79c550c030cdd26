"""What varies between training fields: microscopes and compositions of cultures.

Wider than any one microscope: what a network has not met while it learned, it does not know. The
paper's networks knew one microscope and one line of cells, and so do those that are built as they.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.bank import CellBank, Drawn
from lensfree_nb.simulate.camera import Camera
from lensfree_nb.simulate.dish import CONTACT, PILED, culture, with_debris
from lensfree_nb.simulate.instrument import PAPER_SETUP, PRESETS, Instrument
from lensfree_nb.simulate.shapes import TEST_ONLY, TUNE_ONLY
from lensfree_nb.simulate.spacing import SPACING_UM, places_um
from lensfree_nb.simulate.truth import measured

# Share of each kind in the bank, and how often a field is made mainly of it.
KINDS: Final[Mapping[str, float]] = {
    "adherent": 0.4,
    "epithelial": 0.15,
    "spindle": 0.1,
    "round": 0.2,
    "suspended": 0.1,
    "waisted": 0.05,
}
ROUNDED: Final = ("round", "suspended", "waisted")
OVAL, ODD_SHARE, THICK_NM = 0.2, 1 / 4, (200.0, 1100.0)
SPARSE_PER_MM2, CROWDED_PER_MM2, DENSE_PER_MM2 = 20.0, 300.0, 700.0
MOST_ROUND, MOST_PILED = 0.6, 0.25
# Of rounded cells, those that divide.
DIVIDING: Final = 0.2
MOST_SHIFT_UM = 6.0
DISTANCES_UM: Final = (600.0, 2000.0)
MOST_DEBRIS, DEBRIS_SHARE = 80.0, 0.1
PAPER_KINDS: Final[Mapping[str, float]] = {"adherent": 0.95, "round": 0.05}
PAPER_MOST_ROUND: Final = 0.1
PAPER_PER_MM2: Final = (150.0, 600.0)
# Parts of a bank, each of the cells that the paper found at one density.
PAPER_BANDS: Final = 6


@dataclass(frozen=True, slots=True)
class Variety:
    """Where fields come from, drawn at random.

    Parameters
    ----------
    instrument : callable
        From random numbers to a microscope.
    cells : callable
        From a count and random numbers to single cells for a bank.
    culture : callable
        From a bank, a shape and random numbers to a periodic field.
    """

    instrument: Callable[[np.random.Generator], Instrument]
    cells: Callable[[int, np.random.Generator], pd.DataFrame]
    culture: Callable[[CellBank, tuple[int, int], np.random.Generator], Drawn]


def any_instrument(rng: np.random.Generator) -> Instrument:
    """A lens-free microscope with three colours, each of its imperfections drawn at random.

    Distances of 0.6 to 2 mm, bands of 10 to 30 nm, sources of 50 to 100 µm, fill factors of 0.6 to
    1, colours up to 6 µm off the middle one, light uneven by up to 30 %, up to 8 specks of dust
    per mm², dishes rough by up to 4 nm, and cameras of 8 to 12 bits with wells of 5000 to 20 000
    electrons.
    """
    shifts = np.clip(rng.normal(0, 2.0, (2, 2)), -MOST_SHIFT_UM, MOST_SHIFT_UM)
    bits = int(rng.choice([8, 10, 12]))
    return Instrument(
        setup=replace(
            PAPER_SETUP.at(float(rng.uniform(*DISTANCES_UM))),
            bandwidth_nm=float(rng.uniform(10, 30)),
            source_diameter_um=float(rng.uniform(50, 100)),
        ),
        fill=float(rng.uniform(0.6, 1.0)),
        shift_um=(
            (float(shifts[0, 0]), float(shifts[0, 1])),
            (0.0, 0.0),
            (float(shifts[1, 0]), float(shifts[1, 1])),
        ),
        uneven=float(rng.uniform(0, 0.3)),
        dust_per_mm2=float(rng.uniform(0, 8)),
        surface_nm=float(rng.uniform(0, 4)),
        surface_um=float(rng.uniform(2, 20)),
        camera=Camera(
            full_well_e=float(rng.uniform(5_000, 20_000)),
            exposure=float(rng.uniform(0.4, 0.6)),
            read_noise_e=float(rng.uniform(4, 20)),
            bits=bits,
            offset=float(rng.uniform(0, 0.01)) * 2**bits,
            drift=0.02,
        ),
        serial=int(rng.integers(2**31)),
    )


def any_cells(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Single cells of all kinds that may be learned from, and debris, for a bank.

    Kinds kept for tests and tuning (``TEST_ONLY`` and ``TUNE_ONLY`` of
    :mod:`lensfree_nb.simulate.shapes`) are not among them.
    """
    density = float(rng.uniform(183, 527))
    side = _side_px(count, density)
    # Drawn alone: what neighbours do to each other is settled where they meet.
    cells = culture((side, side), density, rng=rng, kinds=KINDS, contact=0.0, piled=0.0)
    return with_debris(odder(cells, rng), (side, side), DEBRIS_SHARE * density, rng=rng)


def odder(cells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The culture with cells that few cultures hold, so that no network relies on their absence.

    Rounded cells become oval, and half of them as thick as 200 to 1100 nm, evenly; one spread cell
    in four becomes up to five times as thick.
    """
    rounded = cells["kind"].isin(ROUNDED).to_numpy()
    count = len(cells)
    oval = np.where(rounded, np.exp(np.abs(rng.normal(0, OVAL, count)) / 2), 1.0)
    even = rounded & (rng.random(count) < 0.5)
    thicker = ~rounded & (rng.random(count) < ODD_SHARE)
    height = cells["height_nm"].to_numpy()
    gain = np.where(thicker, rng.uniform(1.5, 5.0, count), 1.0)
    gain = np.where(even, rng.uniform(*THICK_NM, count) / height, gain)
    changed = cells.assign(
        semi_major_um=cells["semi_major_um"] * oval, semi_minor_um=cells["semi_minor_um"] / oval,
        height_nm=height * gain, nucleus_nm=cells["nucleus_nm"].to_numpy() * gain,
    )  # fmt: skip
    return measured(changed)


def any_density(rng: np.random.Generator) -> float:
    """Cells per mm², 20 to 700: half of the fields are above 300."""
    if rng.random() < 0.5:
        return float(rng.uniform(CROWDED_PER_MM2, DENSE_PER_MM2))
    return float(np.exp(rng.uniform(*np.log([SPARSE_PER_MM2, CROWDED_PER_MM2]))))


def any_culture(bank: CellBank, shape: tuple[int, int], rng: np.random.Generator) -> Drawn:
    """One periodic field of 20 to 700 cells per mm²; half of the fields above 300.

    Half of them hold no debris: what is bright on a cell is its own there. Most fields mix one
    spread kind with up to 60 % of rounded cells; one in ten is of suspended cells alone. One in
    five of rounded cells divides. Up to a quarter of the cells ride on others.

    Parameters
    ----------
    shape : (int, int)
        Points of the bank's grid.

    Raises
    ------
    ParameterError
        If the bank holds a kind that is kept for tests or tuning.
    """
    density = any_density(rng)
    spacing, piled = rng.uniform(12.0, 25.0), rng.uniform(0, MOST_PILED)
    return _field(
        bank, shape, rng, density_per_mm2=density, shares=_any_shares(rng), spacing_um=spacing,
        piled=piled, contact=(0.5, 1.0), most_debris=MOST_DEBRIS * float(rng.integers(2)),
    )  # fmt: skip


def paper_instrument(rng: np.random.Generator) -> Instrument:
    """The microscope of the paper, with another dish and other dust each time."""
    return replace(PRESETS["paper"], serial=int(rng.integers(2**31)))


def paper_cells(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Single adherent cells, one in twenty of them round, for a bank.

    As many from one density as from the next, in this order: how they differ from each other does.
    """
    each = -(-count // PAPER_BANDS)
    bands = np.linspace(*PAPER_PER_MM2, PAPER_BANDS + 1)
    return pd.concat(
        [_paper_band(each, float(density), rng) for density in (bands[1:] + bands[:-1]) / 2],
        ignore_index=True,
    )


def _paper_band(count: int, density_per_mm2: float, rng: np.random.Generator) -> pd.DataFrame:
    side = _side_px(1.1 * count + 1, density_per_mm2)
    cells = culture(
        (side, side), density_per_mm2, rng=rng, kinds=PAPER_KINDS, contact=0.0, piled=0.0
    )
    return cells.sample(count, random_state=rng)


def paper_culture(bank: CellBank, shape: tuple[int, int], rng: np.random.Generator) -> Drawn:
    """One periodic field of adherent cells, as dense as the paper's; up to one in ten is round.

    Cells are those that the paper found at about this density. How many are round differs, as
    these leave more of a hologram unexplained than the others, by which errors are told.

    Parameters
    ----------
    shape : (int, int)
        Points of the bank's grid.
    """
    density = float(rng.uniform(*PAPER_PER_MM2))
    low, high = PAPER_PER_MM2
    band = min(int(PAPER_BANDS * (density - low) / (high - low)), PAPER_BANDS - 1)
    row = np.arange(len(bank.kinds))
    rounded = float(rng.uniform(0, PAPER_MOST_ROUND))
    return _field(
        bank, shape, rng, density_per_mm2=density,
        shares={"adherent": 1 - rounded, "round": rounded},
        spacing_um=SPACING_UM, piled=float(np.interp(density, *PILED)),
        contact=(CONTACT, CONTACT), most_debris=0.0,
        among=row * PAPER_BANDS // len(row) == band,
    )  # fmt: skip


PAPER: Final = "paper"
VARIETIES: Final[Mapping[str, Variety]] = {
    "any": Variety(any_instrument, any_cells, any_culture),
    PAPER: Variety(paper_instrument, paper_cells, paper_culture),
}


def _side_px(count: float, density_per_mm2: float) -> int:
    """Of the square on which so many cells lie."""
    return round(math.sqrt(count / density_per_mm2 * 1e6) / PAPER_SETUP.pixel_size_um)


def _field(
    bank: CellBank, shape: tuple[int, int], rng: np.random.Generator, *, density_per_mm2: float,
    shares: Mapping[str, float], spacing_um: float, piled: float, contact: tuple[float, float],
    most_debris: float, among: NDArray[np.bool_] | None = None,
) -> Drawn:  # fmt: skip
    """Cells of a bank by their shares, and specks of debris among them.

    Only some of the bank where `among` (a row a cell) says which. Kinds that these lack leave their
    share to the others.

    Raises
    ------
    ParameterError
        If the bank holds a kind that is kept for tests or tuning, or none of those asked for.
    """
    if kept := (TEST_ONLY | TUNE_ONLY) & set(bank.kinds):
        raise ParameterError(f"the bank holds {', '.join(sorted(kept))}: kept out of training")
    here = bank.kinds if among is None else np.where(among, bank.kinds, "")
    held = {kind: share for kind, share in shares.items() if (here == kind).any()}
    if not held:
        raise ParameterError(f"the bank holds no {' or '.join(shares)}; draw more cells for it")
    size_um = np.array(shape) * bank.pitch_um
    area_mm2 = float(np.prod(size_um)) * 1e-6
    count = max(1, round(density_per_mm2 * area_mm2))
    often = np.array(list(held.values()))
    kinds = rng.choice(list(held), size=count, p=often / often.sum())
    cells = np.empty(count, np.intp)
    for kind in held:
        mine = kinds == kind
        cells[mine] = rng.choice(np.flatnonzero(here == kind), int(mine.sum()))
    places = places_um(size_um, count, rng, spacing_um=spacing_um, piled=piled, periodic=True)
    staying = np.arange(count) < count - round(piled * count)
    parting = np.where(staying, rng.uniform(*contact), 0.0)
    specks = rng.choice(
        np.flatnonzero(bank.kinds == "debris"), rng.poisson(rng.uniform(0, most_debris) * area_mm2)
    )
    return bank.field(
        np.concatenate([cells, specks]),
        np.concatenate([places, rng.uniform(0, size_um, (len(specks), 2))]),
        np.concatenate([parting, np.zeros(len(specks))]),
        shape,
        rng,
    )


def _any_shares(rng: np.random.Generator) -> dict[str, float]:
    if rng.random() < KINDS["suspended"]:
        return {"suspended": 1 - DIVIDING, "waisted": DIVIDING}
    spread = [kind for kind in KINDS if kind not in ROUNDED]
    often = np.array([KINDS[kind] for kind in spread])
    rounded = float(rng.uniform(0, MOST_ROUND))
    return {
        str(rng.choice(spread, p=often / often.sum())): 1 - rounded,
        "round": rounded * (1 - DIVIDING), "waisted": rounded * DIVIDING,
    }  # fmt: skip
