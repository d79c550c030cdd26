"""``ds.lf.refocus`` of holograms: what lies in any plane, and in all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, cast

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.checks import check_choice, check_flag, check_number
from lensfree_nb.contract import distance_of, exposure_dim, full_scale_of, hologram_of, setup_of
from lensfree_nb.errors import DataError, DimensionError, DistanceError, raise_or_warn
from lensfree_nb.microscope import Setup, check_distance
from lensfree_nb.optics.propagation import checked_halo_px
from lensfree_nb.provenance import provenance
from lensfree_nb.refocus.planes import OBJECTS, Objects, planes, sharpest
from lensfree_nb.run.devices import check_device, working_on
from lensfree_nb.run.frame_values import frame_values
from lensfree_nb.units import floats

WINDOW_UM: Final = 15.0
FRAME: Final = ("y", "x")


def refocus_holograms(
    ds: xr.Dataset,
    distance_um: float | Sequence[float] | None = None,
    *,
    extended: bool = False,
    window_um: float = WINDOW_UM,
    objects: Objects = "absorbing",
    device: str = "auto",
) -> xr.Dataset:
    """Light in one plane, in each of several, or in the sharpest of several at every place.

    Back-propagation by the angular spectrum: quick, for looking around; of a single hologram the
    twin image stays. For OPD of cells use ``reconstruct``. Each exposure is refocused by itself;
    what ``register`` found of their places is not looked at, nor a tilt.

    Parameters
    ----------
    ds : Dataset
        With ``hologram``.
    distance_um : float or sequence of float, optional
        From the sensor (µm): the dataset's own by default, one for all exposures and frames.
    extended : bool
        Whether to join the planes to one extended depth of field: for cells at several depths.
    window_um : float
        Standard deviation (µm) of the surroundings by whose sharpness a plane is chosen.
    objects : {"absorbing", "transparent"}
        What is in focus where its amplitude changes most (plankton, debris), or least (cells).
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    Dataset
        ``amplitude`` (1 is the background) and ``phase`` (rad; wrapped), dims
        ``[time,] [distance,] wavelength or plane, y, x``; `distance` where several were asked for
        and not joined. Joined, also ``depth`` (µm; [time,] y, x): the chosen distance, NaN where
        nothing is. Lazy where the holograms are.

    Raises
    ------
    DimensionError, UnitError, SetupError, DistanceError, ParameterError
        If `ds` does not keep the contract, a distance is missing or out of range, or fringes would
        reach far beyond the frame, and if one plane alone is to be extended.
    DataError
        When computed: if a single frame cannot be used. Of several, that one is NaN.

    Warns
    -----
    QualityWarning
        Of a frame that is flagged so.
    """
    hologram, setup = hologram_of(ds), setup_of(ds)
    distances = _distances(ds, distance_um)
    check_flag("extended", extended)
    check_number("window_um", window_um, open_low=True)
    check_choice("objects", objects, OBJECTS)
    check_device(device)
    if extended and len(distances) < 2:
        raise DistanceError("distance_um is one plane; give several to extend the depth of field")
    checked_halo_px(setup.at(max(distances)), (hologram.sizes["y"], hologram.sizes["x"]))
    many = not extended and distance_um is not None and np.ndim(cast(Any, distance_um)) > 0
    exposure = exposure_dim(ds)
    frame = (exposure, *FRAME)
    kernel = partial(
        _refocused, setup=setup, distances=distances, full_scale=full_scale_of(hologram),
        window_px=window_um / setup.pixel_size_um if extended else None, objects=objects,
        device=device, many=many, flag=hologram.sizes.get("time", 1) > 1,
    )  # fmt: skip
    stack = ("distance", *frame) if many else frame
    outputs = [stack, stack, *([FRAME] if extended else [])]
    found = xr.apply_ufunc(
        kernel, hologram, input_core_dims=[frame], output_core_dims=outputs, vectorize=True,
        dask="parallelized", output_dtypes=[np.float32] * len(outputs),
        dask_gufunc_kwargs={
            "allow_rechunk": True, "output_sizes": {"distance": len(distances)} if many else {}
        },
    )  # fmt: skip
    attrs = {
        "amplitude": {"units": "1", "long_name": "amplitude of the back-propagated light"},
        "phase": {"units": "rad", "long_name": "phase of the back-propagated light"},
        "depth": {"units": "um", "long_name": "distance of the sharpest plane"},
    }
    made = {name: part.assign_attrs(attrs[name]) for name, part in zip(attrs, found, strict=False)}
    kept = ds.drop_vars(["hologram", "distance"], errors="ignore")
    result = kept.assign(made).assign_attrs(
        provenance(
            ds, "refocus", distance_um=list(distances), extended=extended, window_um=window_um,
            objects=objects,
        )
    )  # fmt: skip
    if extended:
        return result
    held = {"units": "um", "long_name": "distance"}
    where = ("distance", list(distances)) if many else ((), distances[0])
    return result.assign_coords(distance=(*where, held))


def _distances(ds: xr.Dataset, distance_um: Any) -> tuple[float, ...]:
    """In µm, checked."""
    if distance_um is None:
        own = np.unique(distance_of(ds).values)
        if len(own) != 1 or not np.isfinite(own[0]):
            raise DistanceError(
                "the distance differs between frames or exposures, or was not found; give "
                "distance_um"
            )
        return (float(own[0]),)
    if np.ndim(distance_um) > 1:
        raise DimensionError("distance_um has more than one dim; give a row of distances (um)")
    found = tuple(floats(distance_um, "um", "distance_um"))
    if not found or not np.isfinite(found).all():
        raise DistanceError("distance_um holds no distance; give one, or a row of them (um)")
    return tuple(check_distance(z) for z in found)


def _refocused(
    hologram: NDArray[Any], *, setup: Setup, distances: tuple[float, ...], full_scale: float,
    window_px: float | None, objects: Objects, device: str, many: bool, flag: bool,
) -> tuple[NDArray[np.float32], ...]:  # fmt: skip
    """One frame (exposure, y, x)."""
    try:
        values = frame_values(hologram, full_scale)
    except DataError as error:
        raise_or_warn(error, refuse=not flag)
        stack = (len(distances), *hologram.shape) if many else hologram.shape
        shapes = [stack, stack, *([] if window_px is None else [stack[-2:]])]
        return tuple(np.full(shape, np.nan, np.float32) for shape in shapes)
    with working_on(device) as chosen:
        image = torch.tensor(values, device=chosen)
        depth = []
        if window_px is None:
            waves = planes(image, setup, distances)
            waves = waves if many else waves[0]
        else:
            waves, where = sharpest(image, setup, distances, window_px=window_px, objects=objects)
            depth = [where]
        return tuple(part.float().cpu().numpy() for part in (waves.abs(), waves.angle(), *depth))
