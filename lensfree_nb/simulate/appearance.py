"""What the living cells of one frame look like, at their age."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.simulate.life import SPREADING_H, Habits, Moment
from lensfree_nb.simulate.population import round_rows
from lensfree_nb.simulate.truth import measured


def appearance(moment: Moment, founders: pd.DataFrame, habits: Habits) -> pd.DataFrame:
    """The table of a frame: every cell's shape at its age, and its true measurements.

    Mass is kept: it is the founder's, grown over the cycles since and shared at each division,
    whatever ground neighbours take; thickness makes up for it. The dying lose theirs. Beside the
    columns of a culture: ``track``, ``parent`` (-1 for founders) and ``age``.
    """
    rows = founders.iloc[moment.founder].reset_index(drop=True)
    hours_left = (1 - moment.age) * moment.cycle_h
    hours_old = moment.age * moment.cycle_h
    newborn = (moment.parent >= 0) & (hours_old < habits.rounding_h / 2)
    rounded = (hours_left < habits.rounding_h) | newborn | (moment.dying > 0)
    # Spreading after birth, a cell is small and thick for a while; then it grows as its mass.
    young = np.where(moment.parent >= 0, np.clip(hours_old / SPREADING_H, 0.25, 1.0), 1.0)
    across = np.sqrt(moment.mass ** (2 / 3) * young)
    taller = moment.mass / across**2
    flat = rows.assign(
        y_um=moment.y_um, x_um=moment.x_um, angle_rad=moment.angle_rad, anchor_dy_um=0.0,
        anchor_dx_um=0.0, track=moment.track, parent=moment.parent, age=moment.age,
    )  # fmt: skip
    for name in ("semi_major_um", "semi_minor_um"):
        flat[name] = rows[name] * across
    for name in ("height_nm", "nucleus_nm"):
        if name in rows:
            flat[name] = rows[name] * taller
    mass_pg = rows["dry_mass_pg"].to_numpy() * moment.mass * (1 - 0.6 * moment.dying)
    if rounded.any():
        flat = _with_balls(flat, mass_pg, moment, rounded, founders)
    return measured(flat, mass_pg=mass_pg)


def _with_balls(
    flat: pd.DataFrame, mass_pg: NDArray[np.float64], moment: Moment,
    rounded: NDArray[np.bool_], founders: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """The same with round shapes, of their mass, for those that are round."""
    # Concentration is a trait of the line: one draw a founder, whoever asks.
    lines = np.random.default_rng([0xBA11, len(founders)])
    density = round_rows(np.ones(len(founders)), lines)
    per_pg = density.iloc[moment.founder].reset_index(drop=True)
    ball = mass_pg ** (1 / 3)
    shapes = {
        "kind": "round",
        "semi_major_um": per_pg["semi_major_um"] * ball,
        "semi_minor_um": per_pg["semi_minor_um"] * ball,
        "height_nm": per_pg["height_nm"] * ball,
        "nucleus_nm": 0.0,
    }
    return flat.assign(
        **{
            name: np.where(rounded, np.asarray(values), np.asarray(flat.get(name, 0.0)))
            for name, values in shapes.items()
        }
    )
