"""The optical path difference of one adherent cell, in closed form.

An adherent fibroblast: an elongated, irregular lamella with a soft edge, a thicker nucleus, and a
light texture. Everything follows from the cell's row in the table: no random numbers here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
EDGE_SOFTNESS = 0.08
LOBES = (2, 3, 5)
TEXTURE_UM = 6.0


def adherent_opd_nm(cell: Mapping[str, float], y_um: Floats, x_um: Floats) -> NDArray[np.float64]:
    """OPD (nm) of one cell at the points given.

    Parameters
    ----------
    cell : mapping
        A row of the culture table: ``y_um, x_um, semi_major_um, semi_minor_um, angle_rad,
        height_nm, nucleus_nm, lobe_2, lobe_3, lobe_5, phase_2, phase_3, phase_5, texture``.
    y_um, x_um : ndarray
        Coordinates (µm), broadcast against each other.
    """
    dy, dx = y_um - cell["y_um"], x_um - cell["x_um"]
    cos, sin = np.cos(cell["angle_rad"]), np.sin(cell["angle_rad"])
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    along_n, across_n = along / cell["semi_major_um"], across / cell["semi_minor_um"]
    bearing = np.arctan2(across_n, along_n)
    outline = 1.0 + sum(cell[f"lobe_{n}"] * np.cos(n * bearing + cell[f"phase_{n}"]) for n in LOBES)
    radius = np.hypot(along_n, across_n) / outline
    body = 1.0 / (1.0 + np.exp(np.minimum((radius - 1.0) / EDGE_SOFTNESS, 50.0)))
    nucleus = np.exp(-((along_n / 0.35) ** 2) - (across_n / 0.55) ** 2)
    ripple = np.sin(2 * np.pi * along / TEXTURE_UM + cell["phase_3"]) * np.sin(
        2 * np.pi * across / TEXTURE_UM + cell["phase_5"]
    )
    thickness = cell["height_nm"] * (1.0 + cell["texture"] * ripple) + cell["nucleus_nm"] * nucleus
    return np.asarray(thickness * body)


def round_opd_nm(cell: Mapping[str, float], y_um: Floats, x_um: Floats) -> NDArray[np.float64]:
    """OPD (nm) of a rounded cell: a sphere of radius ``semi_major_um``, ``height_nm`` at most."""
    squared = ((y_um - cell["y_um"]) ** 2 + (x_um - cell["x_um"]) ** 2) / cell["semi_major_um"] ** 2
    return np.asarray(cell["height_nm"] * np.sqrt(np.clip(1.0 - squared, 0.0, None)))
