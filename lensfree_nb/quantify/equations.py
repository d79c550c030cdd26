"""From OPD to dry mass: equations 3 and 4 of Allier 2022, with their units in the names."""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

ALPHA_UM3_PER_PG: Final = 0.18
"""Specific refractive increment of the cell's content (Barer 1952)."""

T = TypeVar("T", float, NDArray[np.floating])


def optical_volume_um3(opd_nm: T, pixel_size_um: float) -> T:
    """Equation 3: optical volume difference (µm³) of an OPD (nm) summed over pixels.

    >>> optical_volume_um3(5000.0, 2.0)
    20.0
    """
    return opd_nm * (1e-3 * pixel_size_um**2)


def dry_mass_pg(ovd_um3: T, alpha_um3_per_pg: float = ALPHA_UM3_PER_PG) -> T:
    """Equation 4: dry mass (pg) of an optical volume difference (µm³).

    >>> round(dry_mass_pg(35.2), 1)
    195.6
    """
    return ovd_um3 / alpha_um3_per_pg
