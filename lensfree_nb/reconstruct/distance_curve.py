"""``ds.lf.distance_curve``: what ``find_distance`` compares, to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from lensfree_nb.checks import check_count
from lensfree_nb.contract import full_scale_of, hologram_of, setup_of, shift_of
from lensfree_nb.errors import DistanceError, ParameterError
from lensfree_nb.reconstruct.find_distance import (
    INVERSION,
    NETWORK,
    checked_criterion,
    searched_range,
)
from lensfree_nb.run.frame_values import frame_values
from lensfree_nb.units import floats

_CURVES = {
    INVERSION: "objective of a short inversion",
    NETWORK: "share that a network's answer leaves unexplained",
}


def distance_curve(
    ds: xr.Dataset,
    distances_um: Sequence[float] | None = None,
    *,
    time: int = 0,
    criterion: str = INVERSION,
    device: str = "auto",
) -> xr.DataArray:
    """What ``find_distance`` compares, for plotting: the criterion over distances.

    Returns
    -------
    DataArray, dims ``distance`` (µm)
        Of the inversion: its objective, where 1 is an empty estimate and the lowest is the best.
        Of a sharpness: the highest is the best. Always computed.

    Raises
    ------
    ParameterError
        If there is no frame of the number `time`.
    """
    import torch

    from lensfree_nb.reconstruct.focus import coarse_curve
    from lensfree_nb.reconstruct.sharpness import window_sharpness
    from lensfree_nb.run.devices import working_on

    hologram, setup = hologram_of(ds), setup_of(ds).registered(shift_of(ds).values)
    network = checked_criterion(criterion, setup)
    check_count("time", time)
    if time >= hologram.sizes.get("time", 1):
        raise ParameterError(f"time is {time}; there are {hologram.sizes.get('time', 1)} frames")
    frame = hologram.isel(time=time) if "time" in hologram.dims else hologram
    given = np.geomspace(*searched_range(ds, None), 40) if distances_um is None else distances_um
    distances = np.array(floats(given, "um", "distances_um"))
    if not len(distances):
        raise DistanceError("distances_um is empty; give the distances to look at (um)")
    with working_on(device) as chosen:
        image = torch.tensor(frame_values(frame.values, full_scale_of(frame)), device=chosen)
        if criterion == INVERSION:
            curve = coarse_curve(image, setup, distances)
        elif network is not None:
            from lensfree_nb.reconstruct.network_focus import network_curve

            curve = network_curve(image, setup, distances, network)
        else:
            curve = window_sharpness(image, setup, distances.tolist(), criterion)
    return xr.DataArray(
        curve,
        dims="distance",
        coords={"distance": ("distance", distances, {"units": "um", "long_name": "distance"})},
        name="objective" if criterion == INVERSION else criterion,
        attrs={"units": "1", "long_name": _CURVES.get(criterion, criterion.replace("_", " "))},
    )
