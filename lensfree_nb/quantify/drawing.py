"""A network's drawing of a frame as maps: what ``quantify`` and ``changes`` share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.checks import check_number
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.nets.units import OPD_UNIT_NM, PITCH_UM
from lensfree_nb.quantify.error_stretch import CROWD_PX
from lensfree_nb.quantify.level import off_level
from lensfree_nb.quantify.network_check import UNITS, unexplained, unlike
from lensfree_nb.quantify.representation import REACH_PX
from lensfree_nb.run.devices import check_device
from lensfree_nb.run.frames import Arrays, Output, map_tiles
from lensfree_nb.run.tiles import Tile, tile_grid

# Unknown pixels this near to a cell's centre may have been part of it.
UNKNOWN_REACH_UM: Final = 20.0
# A disc, its neighbour that competes for it, and what that neighbour must be higher than; and as
# much beyond a cell's own pixels, where these are drawn, and beyond those that crowd it.
CELL_REACH_PX: Final = 16 + max(REACH_PX, CROWD_PX)
DETECTION: Final = "detection"
LEAST: Final = 0.5
# How far off 0 the bare ground may be for a network that never saw it off.
LEVEL_NM: Final = 20.0
# A network knows pixels: by which power of their pitch each metric grows.
PITCH_POWER: Final = {
    "area_um2": 2, "dry_mass_pg": 2, "max_opd_nm": 0, "major_axis_um": 1, "displacement_y_um": 1,
    "displacement_x_um": 1, "elongation_um_per_h": 1, "growth_pg_per_h": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DrawTile:
    """The kernel of one tile: numpy in, numpy out; torch is met only inside.

    Parameters
    ----------
    network : ModelSpec
        Which draws.
    device, precision : str
        Where and how.
    least : float
        Detection from which on there is a cell.
    factors : tuple of float
        By which each metric is multiplied.
    unknown_reach_px : float
        How near to its centre unknown pixels make a cell uncertain; a longer cell's end is farther.
    known : bool
        Whether the network learned from such images: of others no cell is certain.
    """

    network: ModelSpec
    device: str
    precision: str
    least: float
    factors: tuple[float, ...]
    unknown_reach_px: float
    known: bool

    def __call__(self, image: NDArray[Any], *arguments: NDArray[Any], tile: Tile) -> Arrays:
        """Draw the padded tile, read it, and keep the maps of its core.

        Parameters
        ----------
        image : ndarray, shape ([moment,] y, x)
            OPD (nm); NaN where unknown.
        *arguments : ndarray, shape ()
            Whether the frame's OPD does not begin at 0: then no cell is certain. What it leaves
            unexplained of its hologram, NaN where that is not known. And, of two moments, the
            hours between them, which rates are divided by.
        tile : Tile
            Where it lies in the frame.
        """
        import torch

        from lensfree_nb.quantify.reading import read
        from lensfree_nb.run.devices import working_on
        from lensfree_nb.run.networks import apply_network

        options = self.network.options
        off, residual, *hours = arguments
        with working_on(self.device) as device:
            opd = torch.tensor(np.ascontiguousarray(image, np.float32), device=device)
            opd = opd.reshape(-1, *image.shape[-2:])
            known = opd.isfinite()
            drawn = apply_network(
                self.network, torch.where(known, opd, 0.0) / OPD_UNIT_NM,
                precision=self.precision,  # type: ignore[arg-type]
            )  # fmt: skip
            found = read(drawn, options, self.least, float(residual))
            unsure = self._unsure(
                found.centres.cpu().numpy(), self._reach_px(found.values.cpu().numpy()),
                known.all(0).cpu().numpy(),
            )  # fmt: skip
            unsure |= not self.known or bool(off) or unexplained(options, float(residual))
            unsure |= unlike(found.values, options).cpu().numpy()
            found.errors[:, torch.from_numpy(unsure).to(device)] = math.inf
            maps = {DETECTION: found.detection}
            apart = float(hours[0]) if hours else 1.0
            for metric, factor, value, error in zip(
                options["metrics"], self.factors, *found.maps(), strict=True
            ):
                scale = factor / apart if UNITS[metric].endswith("/h") else factor
                maps |= {metric: value * scale, f"{metric}_se": error * scale}
            return {name: part[tile.inner].cpu().numpy() for name, part in maps.items()}

    def _reach_px(self, values: NDArray[Any]) -> NDArray[Any]:
        """How far from its centre each cell may own a pixel, of what is measured of it."""
        reach = np.full(values.shape[1], self.unknown_reach_px)
        for metric, row in zip(self.network.options["metrics"], values, strict=True):
            if metric == "major_axis_um":
                reach = np.maximum(reach, np.minimum(row / (2 * PITCH_UM), REACH_PX))
        return reach

    def _unsure(
        self, centres: NDArray[Any], reach_px: NDArray[Any], known: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Whether something near to each cell is unknown."""
        from scipy.ndimage import distance_transform_edt

        if known.all() or not len(centres):
            return np.zeros(len(centres), bool)
        away = distance_transform_edt(known)
        return np.asarray(away[tuple(centres.T)] <= reach_px)


def drawn_maps(
    frames: xr.DataArray,
    residual: xr.DataArray,
    hours: Sequence[xr.DataArray],
    spec: ModelSpec,
    *,
    known: bool,
    pixel_size_um: float,
    least: float | None,
    factors: Mapping[str, float],
    tile_px: int | None,
    precision: str,
    device: str,
) -> xr.Dataset:
    """Detection, and measurements with their standard errors, as maps along ``metric``.

    Parameters
    ----------
    frames : DataArray, dims ([time,] [moment,] y, x)
        OPD (nm).
    residual : DataArray, dims ([time])
        What each frame leaves unexplained of its hologram; NaN where that is not known.
    hours : sequence of DataArray
        One between two moments, of frames that have two.
    spec : ModelSpec
        The network.
    known : bool
        Whether it learned from such images (``quantify.network_check``).
    pixel_size_um : float
        Pixel pitch. Areas, masses and lengths are those of pixels as large as this.
    least : float, optional
        Detection from which on there is a cell; the network's own where none is given.
    factors : mapping of str to float
        What a metric is multiplied by besides, where that is not 1.
    tile_px, precision, device
        As of ``quantify``.
    """
    from lensfree_nb.run.networks import check_precision

    check_precision(precision)
    check_device(device)
    least = float(spec.options.get("least", LEAST)) if least is None else least
    check_number("least", least, high=1.0, open_low=True)
    metrics = [str(metric) for metric in spec.options["metrics"]]
    scale = tuple(of_pixels(m, pixel_size_um) * float(factors.get(m, 1.0)) for m in metrics)
    words = {"units": "1", "long_name": "how surely a cell is here", "least": float(least)}
    outputs = {DETECTION: Output(attrs={**words, "network": Path(spec.name).stem})}
    outputs |= {f"{metric}{part}": Output() for metric in metrics for part in ("", "_se")}
    most_nm = float(spec.options.get("trained_on", {}).get("background_nm", 0.0))
    off = off_level(frames, max(most_nm, LEVEL_NM))
    found = map_tiles(
        DrawTile(
            spec, device, precision, float(least), scale, UNKNOWN_REACH_UM / pixel_size_um,
            known,
        ),
        frames, [off, residual, *hours], outputs=outputs,
        grid=tile_grid(
            (frames.sizes["y"], frames.sizes["x"]), tile_px,
            int(spec.options["halo_px"]) + CELL_REACH_PX,
        ),
        on_error="flag" if frames.sizes.get("time", 1) > 1 else "raise",
    )  # fmt: skip
    maps = {
        name: xr.concat([found[f"{metric}{part}"] for metric in metrics], dim="metric")
        .transpose(..., "metric", "y", "x")
        .assign_attrs(long_name=said)
        for name, part, said in (
            ("representation", "", "measurements of the cells, each on its disc"),
            ("representation_se", "_se", "standard errors of the measurements"),
        )
    }
    units = xr.Variable("metric", [UNITS[metric] for metric in metrics])
    return xr.Dataset({**maps, DETECTION: found[DETECTION]}).assign_coords(
        metric=metrics, units=units
    )


def of_pixels(metric: str, pixel_size_um: float) -> float:
    """How much larger a metric is than in pixels of the pitch that networks know.

    >>> of_pixels("area_um2", 3.34), of_pixels("max_opd_nm", 3.34)
    (4.0, 1.0)
    """
    return float((pixel_size_um / PITCH_UM) ** PITCH_POWER[metric])
