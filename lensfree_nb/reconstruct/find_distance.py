"""``ds.lf.find_distance``: the sample-to-sensor distance, from the holograms themselves."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.checks import check_choice, check_flag
from lensfree_nb.contract import (
    SLOPES,
    distance_of,
    exposure_dim,
    full_scale_of,
    hologram_of,
    setup_of,
    shift_of,
)
from lensfree_nb.errors import DataError, DistanceError, ParameterError, raise_or_warn
from lensfree_nb.microscope import Setup, check_distance
from lensfree_nb.nets.registry import ModelSpec, find_model
from lensfree_nb.provenance import provenance
from lensfree_nb.reconstruct.network_check import check_network
from lensfree_nb.reconstruct.parameters import NETWORKS
from lensfree_nb.run.frame_values import first_usable
from lensfree_nb.units import floats

if TYPE_CHECKING:
    from torch import Tensor

    from lensfree_nb.reconstruct.focus import Focus

DEFAULT_RANGE_UM = (300.0, 3000.0)
INVERSION, NETWORK = "inversion", "network"
FIRST_FRAMES, COLOURS = 3, 3


@dataclass(frozen=True, slots=True)
class FindDistance:
    """The kernel: a hologram ([time,] exposure, y, x), shifts, to each exposure's distance (µm).

    Of several frames the first usable one is looked at: a file that is damaged costs no distance.
    """

    setup: Setup
    range_um: tuple[float, float]
    per_exposure: bool
    refuse: bool = False
    device: str = "auto"
    criterion: str = INVERSION
    full_scale: float = math.inf
    network: ModelSpec | None = None

    def __call__(
        self, hologram: NDArray[Any], shift_um: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Distances (µm), NaN where not found; raises instead if told to refuse."""
        import torch

        from lensfree_nb.reconstruct.focus import find_planes
        from lensfree_nb.run.devices import working_on

        setup = self.setup.registered(shift_um)
        with working_on(self.device) as device:
            try:
                _, values = first_usable(hologram, self.full_scale)
            except DataError as error:
                raise_or_warn(error, refuse=self.refuse)
                return np.full(self.setup.exposures, np.nan)
            image = torch.tensor(values, device=device)
            found = self._found(image, setup)
            for e, focus in enumerate(found):
                if focus.found:
                    continue
                which = f" of exposure {e}" if len(found) > 1 else ""
                told = DistanceError(
                    f"the distance{which} was not found: {focus.reason}. Give range_um, look "
                    f"at ds.lf.distance_curve(), {self._another()}or set distance_um yourself"
                )
                raise_or_warn(told, refuse=self.refuse)
            distances = [focus.distance_um for focus in found]
            together = self.criterion == INVERSION and len(distances) > 1
            if together and not any(math.isnan(z) for z in distances):
                distances = list(find_planes(image, setup, distances))
            return np.broadcast_to(np.array(distances), (self.setup.exposures,)).copy()

    def _another(self) -> str:
        """What else to try: three colours of cells tell a network more than they tell light."""
        fits = self.network is None and self.setup.exposures == COLOURS
        return "try criterion='network' (for cells), " if fits else ""

    def _found(self, hologram: Tensor, setup: Setup) -> list[Focus]:
        """Of all exposures together, or of each."""
        if self.network is not None:
            from lensfree_nb.reconstruct.network_focus import find_by_network

            return find_by_network(
                hologram, setup, self.range_um, self.network, per_exposure=self.per_exposure
            )
        if not self.per_exposure:
            return [self._find(hologram, setup)]
        from lensfree_nb.reconstruct.focus import only_exposure

        return [
            self._find(hologram[e : e + 1], only_exposure(setup, e)) for e in range(setup.exposures)
        ]

    def _find(self, hologram: Tensor, setup: Setup) -> Focus:
        from lensfree_nb.reconstruct.focus import find_focus
        from lensfree_nb.reconstruct.sharpness import find_sharpest

        if self.criterion == INVERSION:
            return find_focus(hologram, setup, self.range_um)
        return find_sharpest(hologram, setup, self.range_um, self.criterion)


def find_distance(
    ds: xr.Dataset,
    *,
    range_um: Sequence[float] | None = None,
    per_exposure: bool | None = None,
    per_frame: bool = False,
    on_failure: Literal["raise", "flag"] = "raise",
    criterion: str = INVERSION,
    device: str = "auto",
) -> xr.Dataset:
    """Set the ``distance`` coordinate (µm) to where the holograms are explained most simply.

    Parameters
    ----------
    ds : Dataset
        With ``hologram``.
    range_um : (float, float), optional
        Where to search (µm): 300 to 3000 by default, or half to twice a distance already set.
    per_exposure : bool, optional
        One distance an exposure, found one by one and then solved together; the default for
        heights (``plane``), one distance for all being the default for colours. A dish of glass
        or plastic holds each colour at a distance of its own, some micrometres apart: only the
        network tells that well (``benchmarks/calibration.py``).
    per_frame : bool
        One distance a frame; otherwise that of the first of the three leading frames that is
        known over half of every exposure serves all.
    on_failure : {"raise", "flag"}
        What to do where the curve is flat. Lazy input is always flagged: with NaN, and a warning
        that says why, once it is computed.
    criterion : str
        ``"inversion"`` compares what short inversions reach (``reconstruct.focus``);
        ``"network"`` what a network's answer leaves unexplained (``reconstruct.network_focus``),
        for the colours that it was trained on; or a sharpness of ``optics.criteria``, quick and
        each documented with what it fails on:
        ``amplitude_contrast``, ``amplitude_flatness``, ``tenengrad``, ``brenner``,
        ``tamura_of_gradient``, ``gini_of_gradient``, ``log_spectrum``. A sharpness finds
        heights one by one; only the inversion then solves them together.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    Dataset
        `ds` with ``distance``; lazy where the hologram is.

    Raises
    ------
    DistanceError
        If the distance was not found, or the range is impossible.
    """
    hologram, setup, shift = hologram_of(ds), setup_of(ds), shift_of(ds)
    exposure = exposure_dim(ds)
    check_choice("on_failure", on_failure, ("raise", "flag"))
    check_flag("per_frame", per_frame)
    if per_exposure is not None:
        check_flag("per_exposure", per_exposure)
    each = exposure == "plane" if per_exposure is None else per_exposure
    network = checked_criterion(criterion, setup)
    lazy = hologram.chunks is not None
    searched = searched_range(ds, range_um)
    kernel = FindDistance(
        setup, searched, each, on_failure == "raise" and not lazy, device, criterion,
        full_scale_of(hologram), network,
    )  # fmt: skip
    core = [exposure, "y", "x"]
    if "time" in hologram.dims and not per_frame:
        hologram, core = hologram.isel(time=slice(FIRST_FRAMES)), ["time", *core]
    if lazy:
        hologram = hologram.chunk(dict.fromkeys(core, -1))
    found = xr.apply_ufunc(
        kernel, hologram.reset_coords(drop=True), shift.reset_coords(drop=True),
        input_core_dims=[core, [exposure, "axis"]], output_core_dims=[[exposure]],
        vectorize=True, dask="parallelized", output_dtypes=[np.float64],
    )  # fmt: skip
    if not each:
        found = found.isel({exposure: 0}, drop=True)
    found.attrs = {
        "units": "um",
        "long_name": "sample-to-sensor distance",
        "furthest_um": searched[1] if lazy else float(found.fillna(0.0).max()),
    }
    kept = ds.drop_vars(["distance", *SLOPES], errors="ignore")
    kept.attrs.pop("distance_um", None)
    return kept.assign_coords(distance=found.variable).assign_attrs(
        provenance(
            kept, "find_distance", range_um=searched, per_exposure=each, per_frame=per_frame,
            criterion=criterion, **named(network),
        )
    )  # fmt: skip


def checked_criterion(criterion: str, setup: Setup) -> ModelSpec | None:
    """The network of a criterion that has one.

    Raises
    ------
    ParameterError
        If it is none, or a network's that cannot be used with these exposures.
    """
    from lensfree_nb.optics.criteria import CRITERIA

    known = (INVERSION, NETWORK, *CRITERIA)
    check_choice("criterion", criterion, known)
    if criterion == NETWORK:
        network = find_model(NETWORKS["accelerated"])
        if setup.exposures != COLOURS:
            raise ParameterError(
                f"criterion 'network' is for {COLOURS} colours, the hologram has "
                f"{setup.exposures} exposures; use '{INVERSION}' or one of {', '.join(CRITERIA)}"
            )
        check_network(network, setup, xr.DataArray(math.nan))
        return network
    return None


def named(network: ModelSpec | None) -> dict[str, Any]:
    """What a result says of the network behind it."""
    return {} if network is None else {"network": dataclasses.asdict(network)}


def searched_range(ds: xr.Dataset, range_um: Sequence[float] | None) -> tuple[float, float]:
    """Where to search (µm): as given, around a distance already set, or nearly everywhere.

    Raises
    ------
    DistanceError
        If it is no range.
    """
    if range_um is None:
        if "distance" in ds.coords or "distance_um" in ds.attrs:
            stated = distance_of(ds)
            if stated.chunks is None and bool(stated.notnull().all()):
                return float(stated.min()) / 2, float(stated.max()) * 2
        return DEFAULT_RANGE_UM
    values = floats(range_um, "um", "range_um")
    if len(values) != 2 or not 0 < values[0] < values[1] < math.inf:
        raise DistanceError(f"range_um is {range_um}; give (low, high) in um, 0 < low < high")
    return check_distance(values[0]), check_distance(values[1])
