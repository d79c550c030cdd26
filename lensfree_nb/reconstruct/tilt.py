"""``ds.lf.find_tilt``: a distance that varies over the field, as of a tilted dish."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.checks import check_choice, check_count, check_number
from lensfree_nb.contract import (
    distance_of,
    exposure_dim,
    full_scale_of,
    hologram_of,
    setup_of,
    shift_of,
)
from lensfree_nb.errors import DistanceError, ParameterError
from lensfree_nb.microscope import Setup
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.provenance import provenance
from lensfree_nb.reconstruct.find_distance import (
    FIRST_FRAMES,
    INVERSION,
    NETWORK,
    checked_criterion,
    named,
)
from lensfree_nb.run.frame_values import LEAST_KNOWN, first_usable

if TYPE_CHECKING:
    from torch import Tensor

NAMES = ("distance", "distance_slope_y", "distance_slope_x")
UNITS = ("um", "um/mm", "um/mm")
SAME_UM = 1e-3
MOST_SPREAD = 0.9
# Of the windows: a plane through a few of them is one through their errors.
LEAST_SHOWN = 0.5
LEAST_WINDOW_PX = 32


@dataclass(frozen=True, slots=True)
class FindTilt:
    """The kernel: a hologram ([time,] exposure, y, x), its distances and shifts to a plane.

    Of several frames the first usable one is looked at.
    """

    setup: Setup
    windows: int
    spread: float
    device: str = "auto"
    network: ModelSpec | None = None
    full_scale: float = math.inf

    def __call__(
        self, hologram: NDArray[Any], distance_um: NDArray[Any], shift_um: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Distance (µm) at the centre of the frame, and its slopes (µm/mm)."""
        import torch

        from lensfree_nb.optics.distance import fit_tilt
        from lensfree_nb.run.devices import working_on

        known = distance_um[np.isfinite(distance_um)]
        if not known.size:
            return np.full(3, np.nan)
        if np.ptp(known) > SAME_UM:
            raise ParameterError(
                f"distances lie between {known.min():g} and {known.max():g} um; a plane is found "
                "around one distance, the same for all exposures and frames"
            )
        near, found = float(known.mean()), []
        setup = self.setup.registered(shift_um)
        _, values = first_usable(hologram, self.full_scale)
        with working_on(self.device) as device:
            for rows, columns in self._places(values.shape[-2:]):
                window = torch.tensor(values[:, rows, columns], device=device)
                centre = [
                    ((s.start + s.stop) / 2 - n / 2) * self.setup.pixel_size_um
                    for s, n in zip((rows, columns), values.shape[-2:], strict=True)
                ]
                found.append((*centre, self._local(window, setup, near)))
        local = np.array(found)
        shown = int(np.isfinite(local[:, 2]).sum())
        if shown < LEAST_SHOWN * len(local):
            raise DistanceError(
                f"{shown} of {len(local)} windows of the frame show a distance; a plane needs at "
                "least half of them: use fewer windows, a wider spread, or a single distance"
            )
        plane = fit_tilt(*local.T)
        return np.array([plane.distance_um, plane.slope_y_um_per_mm, plane.slope_x_um_per_mm])

    def _local(self, window: Tensor, setup: Setup, near: float) -> float:
        """Distance (µm) of one window, not far from that of the frame; NaN where it shows none."""
        if float(window.isfinite().float().mean()) < LEAST_KNOWN:
            return math.nan
        low, high = near * (1 - self.spread), near * (1 + self.spread)
        if self.network is not None:
            from lensfree_nb.reconstruct.network_focus import settled

            found = settled([window], setup, near, self.network)
            return found if low < found < high else math.nan
        from lensfree_nb.reconstruct.focus import FLAT, lowest, objective

        curve: list[float] = []

        def looked_at(distance_um: float) -> float:
            curve.append(objective(window, setup.at(distance_um)))
            return curve[-1]

        found = lowest(looked_at, low, high)
        at_an_end = int(np.argmin(curve)) in (0, len(curve) - 1)
        return math.nan if at_an_end or np.ptp(curve) < FLAT else found

    def _places(self, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
        from lensfree_nb.reconstruct.focus import COARSE_WINDOW_PX

        sides = [min(COARSE_WINDOW_PX, n // self.windows) for n in shape]
        starts = [
            np.linspace(0, n - side, self.windows).astype(int)
            for n, side in zip(shape, sides, strict=True)
        ]
        for top in starts[0]:
            for left in starts[1]:
                yield slice(int(top), int(top) + sides[0]), slice(int(left), int(left) + sides[1])


def find_tilt(
    ds: xr.Dataset,
    *,
    windows: int = 3,
    spread: float = 0.05,
    criterion: str = INVERSION,
    device: str = "auto",
) -> xr.Dataset:
    """Fit a plane through the local distances of the first frame that is known over half of it.

    One plane for all exposures and frames: they must share one distance. Where shifts of the
    exposures are known (``register``), they are taken into account.

    Parameters
    ----------
    ds : Dataset
        With ``hologram`` and a distance, from which the search starts.
    windows : int
        Windows along each side; each of 256 px at most.
    spread : float
        How far from the distance, relative to it, a window is searched.
    criterion : {"inversion", "network"}
        As of ``find_distance``.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    Dataset
        `ds` with ``distance`` (µm, at the centre of the frame) and ``distance_slope_y``,
        ``distance_slope_x`` (µm/mm), which ``reconstruct`` follows tile by tile. Lazy where the
        hologram is.

    Raises
    ------
    DistanceError
        If fewer than half of the windows show a distance, or all that do lie on one line.
    ParameterError
        If exposures or frames lie at several distances, or windows are too small to tell any.
    """
    check_count("windows", windows, 2)
    check_number("spread", spread, high=MOST_SPREAD, open_low=True)
    hologram, distance = hologram_of(ds), distance_of(ds)
    side = min(hologram.sizes["y"], hologram.sizes["x"]) // windows
    if side < LEAST_WINDOW_PX:
        raise ParameterError(
            f"windows is {windows}: on a frame of {hologram.sizes['x']} x {hologram.sizes['y']} px "
            f"a window is {side} px wide, too few to tell a distance; use fewer windows, such that "
            f"each is {LEAST_WINDOW_PX} px wide at least"
        )
    setup, shift = setup_of(ds), shift_of(ds)
    check_choice("criterion", criterion, (INVERSION, NETWORK))
    network = checked_criterion(criterion, setup)
    exposure = exposure_dim(ds)
    full_scale = full_scale_of(hologram)
    if "time" in distance.dims and distance.chunks is None and np.ptp(distance.values) > SAME_UM:
        raise ParameterError("distance changes over time; a plane is found around one distance")
    hologram, distance = (
        a.isel(time=slice(FIRST_FRAMES)) if "time" in a.dims else a for a in (hologram, distance)
    )
    cores = [
        [dim for dim in ("time", *own) if dim in array.dims]
        for array, own in ((hologram, (exposure, "y", "x")), (distance, (exposure,)))
    ]
    cores.append([exposure, "axis"])
    if hologram.chunks is not None:
        hologram = hologram.chunk(dict.fromkeys(cores[0], -1))
    plane = xr.apply_ufunc(
        FindTilt(setup, windows, spread, device, network, full_scale),
        hologram.reset_coords(drop=True), distance.reset_coords(drop=True),
        shift.reset_coords(drop=True), input_core_dims=cores, output_core_dims=[["part"]],
        vectorize=True, dask="parallelized", output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {"part": 3}, "allow_rechunk": True},
    )  # fmt: skip
    coords = {name: plane.isel(part=i, drop=True).variable for i, name in enumerate(NAMES)}
    for variable, unit in zip(coords.values(), UNITS, strict=True):
        variable.attrs = {"units": unit, "long_name": "sample-to-sensor distance, its plane"}
    if "furthest_um" in distance.attrs:
        coords["distance"].attrs["furthest_um"] = distance.attrs["furthest_um"] * (1 + spread)
    kept = ds.drop_vars(NAMES, errors="ignore")
    return kept.assign_coords(coords).assign_attrs(
        provenance(
            kept, "find_tilt", windows=windows, spread=spread, criterion=criterion, **named(network)
        )
    )
