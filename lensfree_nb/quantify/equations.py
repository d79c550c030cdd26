"""Equations 1 to 4 of Allier 2022, with their units in the names."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

ALPHA_UM3_PER_PG: Final = 0.18
"""Specific refractive increment of the cell's content (Barer 1952)."""

T = TypeVar("T", float, NDArray[np.floating])


def phase_shift_rad(phase_rad: T, medium_phase_rad: T) -> T:
    """Equation 1: phase of the sample less that of the medium.

    >>> phase_shift_rad(1.5, 0.5)
    1.0
    """
    return phase_rad - medium_phase_rad


def opd_nm(phase_shift: T, wavelength_nm: float) -> T:
    """Equation 2: optical path difference (nm) of a phase shift (rad) at a vacuum wavelength.

    >>> round(opd_nm(np.pi, 530.0), 6)
    265.0
    """
    return phase_shift * wavelength_nm / (2 * np.pi)


def optical_volume_um3(opd: NDArray[Any], pixel_size_um: float) -> float:
    """Equation 3: optical volume difference (µm³), the integral of the OPD (nm) over an area.

    >>> optical_volume_um3(np.full((10, 10), 50.0), 2.0)
    20.0
    """
    return float(np.sum(opd, dtype=np.float64)) * 1e-3 * pixel_size_um**2


def dry_mass_pg(ovd_um3: T, alpha_um3_per_pg: float = ALPHA_UM3_PER_PG) -> T:
    """Equation 4: dry mass (pg) of an optical volume difference (µm³).

    >>> round(dry_mass_pg(35.2), 1)
    195.6
    """
    return ovd_um3 / alpha_um3_per_pg
