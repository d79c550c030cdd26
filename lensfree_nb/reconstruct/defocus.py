"""How far the distance is off, as a network's answer shows.

A network draws cells as cells are, sharp, wherever it is told that they lie. What it draws fits the
hologram best at the distance where they do lie: the misfit is compared a little nearer and a little
further away. An inversion alone bends to whatever distance it is given and tells little.
"""

from __future__ import annotations

from typing import Final

import xarray as xr

STEP_UM: Final = 30.0
PLACES_UM: Final = (-STEP_UM, 0.0, STEP_UM)
# Of what is told, which tends to fall short of what is (benchmarks/calibration.py). On scenes of
# the tuning seed it is 3 at most in focus, and 11 at least where the distance is 50 um off.
MOST_UM: Final = 10.0
# Of the misfit itself: below, there is nothing in the frame to focus on.
LEAST_CURVATURE: Final = 0.01
FURTHEST_STEPS: Final = 3.0


def lowest_um(nearer: float, here: float, further: float) -> float:
    """:func:`parabola_um` of three numbers."""
    return float(parabola_um(*(xr.DataArray(misfit) for misfit in (nearer, here, further))))


def parabola_um(nearer: xr.DataArray, here: xr.DataArray, further: xr.DataArray) -> xr.DataArray:
    """Where a parabola through three misfits is lowest (µm from here); NaN where it is nowhere."""
    curvature = nearer - 2 * here + further
    lowest = (
        0.5 * STEP_UM * (nearer - further) / curvature.where(curvature > LEAST_CURVATURE * here)
    )
    return lowest.clip(-FURTHEST_STEPS * STEP_UM, FURTHEST_STEPS * STEP_UM)
