"""``ds.lf.reconstruct``: holograms to optical path difference and absorption."""

from __future__ import annotations

import dataclasses
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.checks import check_flag
from lensfree_nb.contract import (
    LONG_NAMES,
    distance_of,
    exposure_dim,
    full_scale_of,
    hologram_of,
    is_tilted,
    setup_of,
    shift_of,
    slope_of,
)
from lensfree_nb.errors import DistanceError, ParameterError, QualityWarning
from lensfree_nb.microscope import Setup, check_distance
from lensfree_nb.provenance import provenance
from lensfree_nb.reconstruct.defocus import MOST_UM, PLACES_UM, parabola_um
from lensfree_nb.reconstruct.network_check import check_network
from lensfree_nb.reconstruct.parameters import NETWORKS, Method, checked_parameters, method_kernel
from lensfree_nb.reconstruct.reach import reach_px
from lensfree_nb.reconstruct.start import apart, beside
from lensfree_nb.reconstruct.trust import above_0, most_unexplained
from lensfree_nb.run.devices import check_device
from lensfree_nb.run.frame_values import LEAST_KNOWN, frame_values, tile_values
from lensfree_nb.run.frames import Arrays, Output, map_tiles
from lensfree_nb.run.tiles import Tile, tile_grid

# Of each frame, over its tiles: squared misfit, contrast and noise, and pixels of which anything is
# known. Then the known pixels of each exposure, then misfits of a network's answer nearby.
SUMS = ("misfit", "contrast", "noise", "seen")
TILTED_TILE_PX = 512
OF_SOME_RECONSTRUCTIONS = ("residual_map", "defocus")


@dataclass(frozen=True, slots=True)
class ReconstructTile:
    """The kernel of one tile: numpy in, numpy out; torch is met only inside."""

    setup: Setup
    method: str
    parameters: tuple[tuple[str, Any], ...]
    device: str = "auto"
    full_scale: float = math.inf
    local: bool = False
    started: bool = False

    def __call__(self, image: NDArray[Any], *arguments: NDArray[Any], tile: Tile) -> Arrays:
        """Invert the padded tile and keep its core.

        Parameters
        ----------
        image : ndarray, shape (exposure, y, x)
            Hologram; with what to start from (``reconstruct.start``), if so told.
        *arguments : ndarray
            Distance of each exposure (µm); slope of the distance along y and x (µm/mm); shift of
            each exposure along y and x (µm), NaN where it was not found.
        tile : Tile
            Where the image lies in the frame.
        """
        import torch

        from lensfree_nb.reconstruct.misfit import total
        from lensfree_nb.reconstruct.neighbourhood import around, unrecorded
        from lensfree_nb.run.devices import working_on

        distance, slope, shift = arguments
        raw, start = apart(image) if self.started else (image, None)
        whole = tile.size == tile.frame
        values = (frame_values if whole else tile_values)(raw, self.full_scale)
        if np.isnan(values).all():
            return self._nothing(tile)
        tilt = sum(
            float(s) * px * self.setup.pixel_size_um * 1e-3
            for s, px in zip(slope, tile.centre_px, strict=True)
        )
        if not np.isfinite(distance).all():
            raise DistanceError(
                "the distance of this frame is not known, as find_distance says of one that it "
                "cannot tell: leave the frame out, or state distance_um"
            )
        at = tuple(check_distance(float(z) + tilt) for z in distance)
        setup = self.setup.at(at).registered(shift)
        with working_on(self.device) as device:
            hologram = torch.tensor(values, device=device)
            begin = {} if start is None else {"start": torch.tensor(start, device=device)}
            estimate = method_kernel(self.method, self.parameters)(hologram, setup, **begin)
            seen = estimate.known.any(0)
            recorded = total(seen[tile.inner].float())
            misfit, contrast, *refocused = (
                total(part[tile.inner])
                for part in (estimate.misfit, estimate.contrast, *estimate.refocused)
            )
            known = [total(part[tile.inner].float()) for part in estimate.known]
            sums = [misfit, contrast, estimate.noise * recorded, recorded, *known, *refocused]
            guessed = unrecorded(seen)
            maps = {
                name: image.masked_fill(guessed, math.nan)
                for name, image in (("opd", estimate.opd_nm), ("absorption", estimate.absorption))
            }
            if self.local:
                local = torch.where(seen, estimate.misfit, math.nan)
                maps |= {"misfit": local, "nearby": torch.where(seen, around(local), math.nan)}
            return {
                "fit": np.array(sums),
                **{name: image[tile.inner].cpu().numpy() for name, image in maps.items()},
            }

    @property
    def sums(self) -> int:
        """How many numbers of a tile are added up."""
        return len(SUMS) + self.setup.exposures + len(PLACES_UM) * (self.method in NETWORKS)

    def _nothing(self, tile: Tile) -> Arrays:
        """Of a tile of which nothing was recorded: it costs the rest of the frame nothing."""
        rows, columns = (f"{part.start} to {part.stop - 1}" for part in tile.core)
        warnings.warn(
            f"nothing was recorded in rows {rows} and columns {columns} of a frame: NaN there",
            QualityWarning,
            stacklevel=2,
        )
        maps = ("opd", "absorption", *(("misfit", "nearby") if self.local else ()))
        unknown = np.full(tile.size, np.nan, np.float32)
        return {"fit": np.zeros(self.sums), **dict.fromkeys(maps, unknown)}


def reconstruct(
    ds: xr.Dataset,
    method: Method = "inverse",
    *,
    tile_px: int | None = None,
    halo_px: int | None = None,
    device: str = "auto",
    trust_residual: float = 0.5,
    residual_map: bool = False,
    start: xr.Dataset | None = None,
    **parameters: Any,
) -> xr.Dataset:
    """Optical path difference and absorption of every frame.

    Parameters
    ----------
    ds : Dataset
        With ``hologram`` and a distance.
    method : {"inverse", "annealed", "backpropagation", "reference", "accelerated"}
        How. The first three know light alone (``lensfree_nb.reconstruct.methods``); the last two
        go on with a network and another inversion, long or short
        (``lensfree_nb.reconstruct.alternation``), and recover cells thicker than half a
        wavelength.
    tile_px, halo_px : int, optional
        Side of a tile and what it reads beyond it (px). A whole frame (tiles of 512 px of a
        tilted dish, each at its own distance), and the halo that physics asks for, by default.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    trust_residual : float
        A frame whose residual is above is not trusted. The default catches what the model hardly
        explains. An inversion alone bends to any distance nearby and tells nothing of it: look at
        ``distance_curve``, or use a method with a network, whose `defocus` does. Of such a method
        a frame must also leave no more than noise and a share of the contrast unexplained
        (``reconstruct.trust``): colours in the wrong order leave several times as much.
    residual_map : bool
        Whether to add ``residual_map``: at each pixel of the sensor, what is not explained, over
        the frame's mean contrast; the root of its mean square is ``residual``. ``trusted`` is then
        a map too: False where more than noise and a share of the contrast stays unexplained nearby
        (``reconstruct.trust``), as around a cell that came out a wave too thin, and where nothing,
        or nearby little, was recorded. ``residual_map`` is NaN there, and at dust.
    start : Dataset, optional
        An ``opd`` and ``absorption`` to start from instead of nothing: of the same frames, or one
        for all. It is taken where it explains most of the light. The frame before is still a poor
        start where cells move or round up: over many frames ghosts of them may stay
        (``benchmarks/warm_start.py``).
    **parameters
        Of the method: ``iterations``, ``proximal_steps``, ``background_px`` (scale of the slow
        background, px; None for a constant), and those of ``reconstruct.solver.Weights``:
        ``smoothness``, ``sparsity``, ``relax``, ``positive``, ``prior`` (of the start). With a
        network these are the last inversion's, whose start is the network's answer; the first one's
        begin with ``first_``, and those between two passes, where there are two, with ``between_``.
        Besides: ``passes`` (how often the network draws), ``views`` (in how many orientations, 1 to
        8), ``network`` (name or path of weights) and ``precision`` (``"auto"``, ``"float32"``,
        ``"bfloat16"``).

    Returns
    -------
    Dataset
        `ds` without its hologram, plus ``opd`` (nm), ``absorption``, ``residual`` (share of the
        hologram's contrast that is not explained, 0 to 1 and above) and ``trusted``, one value a
        frame or, with `residual_map`, one a pixel. OPD and absorption are NaN where less than half
        of what lies nearby was recorded: cells there are not trusted. Nor is a frame of which an
        exposure is dead, missing, or known to less than half: what is left tells less. Methods
        with a network add ``defocus`` (µm): how far the sample seems to lie beyond the distance
        that was given, and tends to fall short of how far it does; NaN where it cannot be told.
        Only below 10 µm is the frame trusted (``reconstruct.defocus``). `ds` may be a result
        itself: what an earlier reconstruction made is replaced.

    Raises
    ------
    DimensionError, UnitError, SetupError, DistanceError
        If `ds` does not keep the contract, or states no distance.
    ParameterError, ModelError
        If the method has no such parameter or cannot take its value, or the network is not for it.
    DataError
        Of a single frame: if its values cannot be used. Of several, that one is flagged.

    Warns
    -----
    QualityWarning
        Of a frame that is flagged, of a tile of which nothing was recorded, of a network that knows
        no such microscope, and of a sample too near to have fringes.
    """
    hologram, setup = hologram_of(ds), setup_of(ds)
    kernel_parameters = checked_parameters(method, parameters, trust_residual)
    kernel = method_kernel(method, kernel_parameters)
    check_device(device)
    check_flag("residual_map", residual_map)
    if start is not None and method == "backpropagation":
        raise ParameterError("backpropagation starts from nothing but the hologram; drop start")
    if start is None and method not in NETWORKS and parameters.get("prior"):
        raise ParameterError("prior holds a result near its start; give start, or no prior")
    distance, slope = distance_of(ds), slope_of(ds)
    if method in NETWORKS:
        check_network(kernel.network, setup, distance)
    if tile_px is None and is_tilted(ds):
        tile_px = TILTED_TILE_PX
    halo = reach_px(distance, setup, kernel) if halo_px is None else halo_px
    height, width = hologram.sizes["y"], hologram.sizes["x"]
    frame_count = hologram.sizes.get("time", 1)
    worker = ReconstructTile(
        setup, method, kernel_parameters, device, full_scale_of(hologram), residual_map,
        start is not None,
    )  # fmt: skip
    outputs = {
        "opd": Output(attrs={"units": "nm", "long_name": LONG_NAMES["opd"]}),
        "absorption": Output(attrs={"units": "1", "long_name": LONG_NAMES["absorption"]}),
        "fit": Output("float64", sums=worker.sums),
    }
    if residual_map:
        outputs |= {"misfit": Output(), "nearby": Output()}
    found = map_tiles(
        worker,
        hologram if start is None else beside(hologram, start),
        [distance, slope, shift_of(ds)],
        outputs=outputs,
        grid=tile_grid((height, width), tile_px, halo),
        on_error="flag" if frame_count > 1 else "raise",
    )
    sums = found["fit"]
    fit = {name: sums.isel(fit_sum=n) for n, name in enumerate(SUMS)}
    known = sums.isel(fit_sum=slice(len(SUMS), len(SUMS) + setup.exposures)) / (height * width)
    residual = ((fit["misfit"] / above_0(fit["contrast"])) ** 0.5).astype("float32")
    trusted = (residual <= trust_residual) & (known >= LEAST_KNOWN).all("fit_sum")
    exposure = exposure_dim(ds)
    made = {
        "opd": found["opd"],
        "absorption": found["absorption"],
        "residual": residual.assign_attrs(units="1", long_name=LONG_NAMES["residual"]),
    }
    contrast, misfit, noise = (
        fit[name] / above_0(fit["seen"]) for name in ("contrast", "misfit", "noise")
    )
    most = most_unexplained(contrast, noise)
    if residual_map:
        trusted = trusted & (found["nearby"] <= most)
        local = (found["misfit"] / above_0(contrast)) ** 0.5
        made["residual_map"] = local.astype("float32").assign_attrs(
            units="1", long_name="what is not explained, over the frame's contrast"
        )
    if method in NETWORKS:
        defocus = parabola_um(*(sums.isel(fit_sum=n) for n in range(-len(PLACES_UM), 0)))
        trusted = trusted & (abs(defocus) <= MOST_UM) & (misfit <= most)
        made["defocus"] = defocus.astype("float32").assign_attrs(
            units="um", long_name="how far the sample seems to lie beyond its distance"
        )
    made["trusted"] = trusted.assign_attrs(long_name=LONG_NAMES["trusted"])
    # What an earlier reconstruction said of itself would pass for this one's.
    kept = ds.drop_vars(("hologram", *OF_SOME_RECONSTRUCTIONS, "y", "x"), errors="ignore")
    return kept.assign(made).assign_coords(
        {c: ds.coords[c] for c in ("y", "x") if c in ds.coords}
    ).assign_attrs(
        provenance(
            ds, "reconstruct", method=method, tile_px=tile_px, halo_px=halo, exposures=exposure,
            started=start is not None, **dataclasses.asdict(kernel),
        )
    )  # fmt: skip
