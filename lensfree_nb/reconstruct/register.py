"""``ds.lf.register``: where the hologram of each colour lies on the sensor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.checks import check_choice
from lensfree_nb.contract import (
    SHIFTS,
    distance_of,
    exposure_dim,
    full_scale_of,
    hologram_of,
    setup_of,
)
from lensfree_nb.errors import DataError, raise_or_warn
from lensfree_nb.microscope import Setup
from lensfree_nb.provenance import provenance
from lensfree_nb.reconstruct.find_distance import FIRST_FRAMES
from lensfree_nb.run.frame_values import first_usable

# On smaller frames what is found is noise.
LEAST_SIDE_PX = 96


@dataclass(frozen=True, slots=True)
class Register:
    """The kernel: a hologram ([time,] exposure, y, x) and its distances to shifts (exposure, 2).

    Of several frames the first usable one is looked at.
    """

    setup: Setup
    refuse: bool = False
    device: str = "auto"
    full_scale: float = math.inf

    def __call__(self, hologram: NDArray[Any], distance_um: NDArray[Any]) -> NDArray[np.float64]:
        """Shifts (µm), NaN where not found; raises instead if told to refuse."""
        import torch

        from lensfree_nb.reconstruct.registration import shifts_um
        from lensfree_nb.run.devices import working_on

        frames = hologram if hologram.ndim == 4 else hologram[None]
        distances = np.broadcast_to(distance_um, (len(frames), self.setup.exposures))
        stated = np.isfinite(distances).all(axis=1)
        if not stated.any():
            told = DataError("none of the first frames has a distance; find_distance() first")
            raise_or_warn(told, refuse=self.refuse)
            return np.full((self.setup.exposures, 2), np.nan)
        frames, distances = frames[stated], distances[stated]
        try:
            chosen, values = first_usable(frames, self.full_scale)
        except DataError as error:
            raise_or_warn(error, refuse=self.refuse)
            return np.full((self.setup.exposures, 2), np.nan)
        with working_on(self.device) as device:
            image = torch.tensor(values, device=device)
            found = shifts_um(image, self.setup.at(tuple(map(float, distances[chosen]))))
        lost = np.flatnonzero(np.isnan(found).any(axis=1))
        if len(lost):
            told = DataError(
                f"the hologram of exposure {', '.join(map(str, lost))} is not like what the others "
                "predict; check the distance, or pass on_failure='flag'"
            )
            raise_or_warn(told, refuse=self.refuse)
        return found


def register(
    ds: xr.Dataset, *, on_failure: Literal["raise", "flag"] = "raise", device: str = "auto"
) -> xr.Dataset:
    """Set ``shift_y`` and ``shift_x`` (µm): where each exposure's hologram lies on the sensor.

    LEDs stand side by side, and so do their holograms, by some micrometres. ``reconstruct`` takes
    the shifts into its model of the light: no hologram is resampled. A distance that was found
    before may be off by what the shifts looked like: ``find_distance`` once more takes them in.

    Parameters
    ----------
    ds : Dataset
        With ``hologram`` and a distance. The first usable of three frames serves all.
    on_failure : {"raise", "flag"}
        What to do where an exposure is not like what the others predict. Lazy input is always
        flagged: with NaN and a warning, and ``reconstruct`` then takes the shift for 0.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    Dataset
        `ds` with ``shift_y`` and ``shift_x`` along the exposures, relative to the one in the
        middle of the spectrum; lazy where the hologram is. An exposure that was not recorded has
        0, and is not the one in the middle: ``reconstruct`` does without it and flags the frame.

    Raises
    ------
    DataError
        If the frame is smaller than 96 px, or an exposure was not found, and that was not to be
        flagged.
    """
    hologram, setup = hologram_of(ds), setup_of(ds)
    exposure = exposure_dim(ds)
    height, width = hologram.sizes["y"], hologram.sizes["x"]
    if min(height, width) < LEAST_SIDE_PX:
        raise DataError(
            f"a frame of {height} x {width} px is too small to compare colours in; "
            f"give {LEAST_SIDE_PX} px a side at least"
        )
    check_choice("on_failure", on_failure, ("raise", "flag"))
    distance = distance_of(ds)
    core = [exposure, "y", "x"]
    if "time" in hologram.dims:
        hologram, core = hologram.isel(time=slice(FIRST_FRAMES)), ["time", *core]
    along = [exposure]
    if "time" in distance.dims:
        distance, along = distance.isel(time=slice(FIRST_FRAMES)), ["time", exposure]
    if distance.chunks is not None:
        distance = distance.chunk(dict.fromkeys(along, -1))
    lazy = hologram.chunks is not None
    if lazy:
        hologram = hologram.chunk(dict.fromkeys(core, -1))
    kernel = Register(
        setup, on_failure == "raise" and not lazy, device,
        full_scale_of(hologram),
    )  # fmt: skip
    found = xr.apply_ufunc(
        kernel, hologram.reset_coords(drop=True), distance,
        input_core_dims=[core, along], output_core_dims=[[exposure, "axis"]],
        dask="parallelized", output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {"axis": 2}},
    )  # fmt: skip
    words = {"units": "um", "long_name": "place of the exposure's hologram on the sensor"}
    shifts = {name: found.isel(axis=k, drop=True).variable.copy() for k, name in enumerate(SHIFTS)}
    for variable in shifts.values():
        variable.attrs = words
    return ds.assign_coords(shifts).assign_attrs(provenance(ds, "register"))
