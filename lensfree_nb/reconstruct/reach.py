"""How far around a tile lies what its reconstruction depends on."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
import xarray as xr

from lensfree_nb.errors import QualityWarning
from lensfree_nb.microscope import Setup

BACKGROUND_SIGMAS = 3.0
LEAST_FRINGES_PX = 3
UNKNOWN_FURTHEST_UM = 3000.0


def reach_px(distance: xr.DataArray, setup: Setup, kernel: Any) -> int:
    """How far beyond its core a tile must see (px), for the farthest frame.

    Parameters
    ----------
    distance : DataArray
        Of each exposure (µm). Of one that is found lazily the end of the range that is searched
        counts: tiles then see further than they would of one that was found before.
    setup : Setup
        The microscope.
    kernel
        Of the method: its ``reach_px`` and ``background_px``.

    Warns
    -----
    QualityWarning
        If the sample lies so near that it has hardly any fringes.
    """
    from lensfree_nb.optics.propagation import fringe_halo_px

    if distance.chunks is None:
        furthest = float(np.nanmax(distance.values)) if distance.notnull().any() else math.nan
    else:
        # A distance that is still to be found may be anywhere in the range searched: its attribute
        # tells the end. One that was stated tells itself, so that lazy data have the same halo.
        furthest = float(distance.attrs.get("furthest_um", UNKNOWN_FURTHEST_UM))
    if math.isnan(furthest):
        return 0
    setup = dataclasses.replace(setup, distance_um=(furthest,) * setup.exposures)
    fringes = fringe_halo_px(setup)
    if fringes < LEAST_FRINGES_PX:
        warnings.warn(
            f"at a distance of {furthest:g} um fringes reach {fringes} px: the hologram is hardly "
            "more than an image of the sample; check that the distance is in um",
            QualityWarning,
            stacklevel=4,
        )
    smooth = math.ceil(BACKGROUND_SIGMAS * (kernel.background_px or 0))
    return max(int(kernel.reach_px(fringes)), int(smooth))
