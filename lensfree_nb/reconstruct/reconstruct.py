"""``ds.lf.reconstruct``: holograms to optical path difference and absorption."""

from __future__ import annotations

import dataclasses
import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.contract import (
    LONG_NAMES,
    SLOPES,
    distance_of,
    exposure_dim,
    hologram_of,
    provenance,
    setup_of,
    shift_of,
)
from lensfree_nb.errors import ParameterError, QualityWarning
from lensfree_nb.microscope import Setup, check_distance
from lensfree_nb.reconstruct.frame_values import frame_values
from lensfree_nb.run.frames import Arrays, Output, map_tiles
from lensfree_nb.run.tiles import Tile, tile_grid

Method = Literal["inverse", "annealed", "backpropagation"]
METHODS = ("inverse", "annealed", "backpropagation")
BACKGROUND_SIGMAS = 3.0
LEAST_FRINGES_PX = 3
UNKNOWN_FURTHEST_UM = 3000.0
TILTED_TILE_PX = 512
LEAST = {
    "smoothness": 0.0, "sparsity": 0.0, "relax": 1.0, "background_px": 2.0, "trust_residual": 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReconstructTile:
    """The kernel of one tile: numpy in, numpy out; torch is met only inside."""

    setup: Setup
    method: str
    parameters: tuple[tuple[str, Any], ...]
    device: str = "auto"
    full_scale: float = math.inf

    def __call__(self, image: NDArray[Any], *arguments: NDArray[Any], tile: Tile) -> Arrays:
        """Invert the padded tile and keep its core.

        Parameters
        ----------
        image : ndarray, shape (exposure, y, x)
            Hologram.
        *arguments : ndarray
            Distance of each exposure (µm); slope of the distance along y and x (µm/mm); shift of
            each exposure along y and x (µm), NaN where it was not found.
        tile : Tile
            Where the image lies in the frame.
        """
        import torch

        from lensfree_nb.reconstruct.misfit import total
        from lensfree_nb.run.devices import working_on

        distance, slope, shift = arguments
        values = frame_values(image, self.full_scale)
        tilt = sum(
            float(s) * px * self.setup.pixel_size_um * 1e-3
            for s, px in zip(slope, tile.centre_px, strict=True)
        )
        at = tuple(check_distance(float(z) + tilt) for z in distance)
        beside = tuple((float(y), float(x)) for y, x in np.nan_to_num(shift))
        setup = dataclasses.replace(self.setup, distance_um=at, shift_um=beside)
        with working_on(self.device) as device:
            hologram = torch.tensor(values, device=device)
            estimate = method_kernel(self.method, self.parameters)(hologram, setup)
            sums = [total(part[tile.inner]) for part in (estimate.misfit, estimate.contrast)]
            known = torch.isfinite(hologram)[(..., *tile.inner)].double().mean()
            return {
                "opd": estimate.opd_nm[tile.inner].cpu().numpy(),
                "absorption": estimate.absorption[tile.inner].cpu().numpy(),
                "misfit": estimate.misfit[tile.inner].cpu().numpy(),
                "fit": np.array([*sums, float(known), 1.0]),
            }


def method_kernel(method: str, parameters: tuple[tuple[str, Any], ...]) -> Any:
    """The method of a name, with its parameters set.

    Raises
    ------
    ParameterError
        If there is no such method, or it has no such parameter.
    """
    from lensfree_nb.reconstruct import methods
    from lensfree_nb.reconstruct.solver import Weights

    if method not in METHODS:
        raise ParameterError(f"method is {method!r}; use one of {', '.join(METHODS)}")
    base: Any = {
        "inverse": methods.Inverse(),
        "annealed": methods.annealed(),
        "backpropagation": methods.Backpropagation(),
    }[method]
    given = dict(parameters)
    names = {f.name for f in dataclasses.fields(Weights)}
    weights = {name: given.pop(name) for name in list(given) if name in names}
    try:
        if weights:
            base = dataclasses.replace(base, weights=dataclasses.replace(base.weights, **weights))
        return dataclasses.replace(base, **given)
    except (TypeError, AttributeError) as error:
        raise ParameterError(f"{method} has no parameter of that name: {error}") from error


def reconstruct(
    ds: xr.Dataset,
    method: Method = "inverse",
    *,
    tile_px: int | None = None,
    halo_px: int | None = None,
    device: str = "auto",
    trust_residual: float = 0.5,
    residual_map: bool = False,
    **parameters: Any,
) -> xr.Dataset:
    """Optical path difference and absorption of every frame.

    Parameters
    ----------
    ds : Dataset
        With ``hologram`` and a distance.
    method : {"inverse", "annealed", "backpropagation"}
        How; see ``lensfree_nb.reconstruct.methods``.
    tile_px, halo_px : int, optional
        Side of a tile and what it reads beyond it (px). A whole frame (tiles of 512 px of a
        tilted dish, each at its own distance), and the halo that physics asks for, by default.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    trust_residual : float
        A frame whose residual is above is not trusted. The default catches what the model hardly
        explains; a distance a tenth amiss may still pass, with a residual far above that of the
        other frames: look at the residuals of a series.
    residual_map : bool
        Whether to add ``residual_map``: at each pixel of the sensor, what is not explained, over
        the frame's mean contrast; the root of its mean square is ``residual``.
    **parameters
        Of the method: ``iterations``, ``smoothness``, ``sparsity``, ``relax``, ``positive``,
        ``background_px``, ``proximal_steps``.

    Returns
    -------
    Dataset
        `ds` without its hologram, plus ``opd`` (nm), ``absorption``, ``residual`` (share of the
        hologram's contrast that is not explained, 0 to 1 and above) and ``trusted``.
    """
    hologram, setup = hologram_of(ds), setup_of(ds)
    kernel_parameters = tuple(sorted(_checked(parameters, trust_residual).items()))
    kernel = method_kernel(method, kernel_parameters)
    distance, slope = distance_of(ds), _slope_of(ds)
    if tile_px is None and _is_tilted(ds):
        tile_px = TILTED_TILE_PX
    halo = _halo_px(distance, setup, kernel) if halo_px is None else halo_px
    height, width = hologram.sizes["y"], hologram.sizes["x"]
    frame_count = hologram.sizes.get("time", 1)
    outputs = {
        "opd": Output(attrs={"units": "nm", "long_name": LONG_NAMES["opd"]}),
        "absorption": Output(attrs={"units": "1", "long_name": LONG_NAMES["absorption"]}),
        "fit": Output("float64", sums=4),
    }
    if residual_map:
        outputs["misfit"] = Output()
    found = map_tiles(
        ReconstructTile(
            setup,
            method,
            kernel_parameters,
            device,
            float(hologram.attrs.get("full_scale", math.inf)),
        ),
        hologram,
        [distance, slope, shift_of(ds)],
        outputs=outputs,
        grid=tile_grid((height, width), tile_px, halo),
        on_error="flag" if frame_count > 1 else "raise",
    )
    fit = found["fit"]
    unexplained = fit.isel(fit_sum=0) / fit.isel(fit_sum=1)
    residual = (unexplained**0.5).astype("float32")
    known = fit.isel(fit_sum=2) / fit.isel(fit_sum=3)
    trusted = (residual <= trust_residual) & (known >= 0.5)
    exposure = exposure_dim(ds)
    made = {
        "opd": found["opd"],
        "absorption": found["absorption"],
        "residual": residual.assign_attrs(units="1", long_name=LONG_NAMES["residual"]),
        "trusted": trusted.assign_attrs(long_name=LONG_NAMES["trusted"]),
    }
    if residual_map:
        local = (found["misfit"] / (fit.isel(fit_sum=1) / (height * width))) ** 0.5
        made["residual_map"] = local.astype("float32").assign_attrs(
            units="1", long_name="what is not explained, over the frame's contrast"
        )
    kept = ds.drop_vars("hologram").drop_vars([v for v in ("y", "x") if v in ds.coords])
    return kept.assign(made).assign_coords(
        {c: ds.coords[c] for c in ("y", "x") if c in ds.coords}
    ).assign_attrs(
        provenance(
            ds, "reconstruct", method=method, tile_px=tile_px, halo_px=halo, exposures=exposure,
            **dataclasses.asdict(kernel),
        )
    )  # fmt: skip


def _checked(parameters: dict[str, Any], trust_residual: float) -> dict[str, Any]:
    for name in {"iterations", "proximal_steps"} & parameters.keys():
        value = parameters[name]
        if not (isinstance(value, (int, np.integer)) and value is not True and value > 0):
            raise ParameterError(f"{name} is {value!r}; it must be a whole number > 0")
    numbers = {"trust_residual": trust_residual, **parameters}
    for name in LEAST.keys() & numbers.keys():
        value = numbers[name]
        if value is None and name == "background_px":
            continue
        real = isinstance(value, (int, float, np.number))
        if not (real and math.isfinite(value) and value >= LEAST[name]):
            raise ParameterError(f"{name} is {value!r}; it must be a number >= {LEAST[name]:g}")
    if not isinstance(parameters.get("positive", True), (bool, np.bool_)):
        raise ParameterError(f"positive is {parameters['positive']!r}; use True or False")
    return parameters


def _halo_px(distance: xr.DataArray, setup: Setup, kernel: Any) -> int:
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
            stacklevel=3,
        )
    reach = math.ceil(float(kernel.halo_factor) * fringes)
    smooth = math.ceil(BACKGROUND_SIGMAS * (kernel.background_px or 0))
    return max(reach, int(smooth))


def _is_tilted(ds: xr.Dataset) -> bool:
    return all(name in ds.coords for name in SLOPES)


def _slope_of(ds: xr.Dataset) -> xr.DataArray:
    if not _is_tilted(ds):
        return xr.DataArray(np.zeros(2), dims="axis")
    parts = [ds.coords[name].reset_coords(drop=True) for name in SLOPES]
    return xr.concat(parts, dim="axis").transpose(..., "axis")
