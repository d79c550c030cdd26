"""A distance tuner: move the slider, and see a crop of the hologram come into focus."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import ipywidgets
import numpy as np
import xarray as xr

from lensfree_nb.contract import SLOPES, distance_of, exposure_dim, hologram_of, setup_of
from lensfree_nb.errors import ParameterError
from lensfree_nb.provenance import provenance

DEFAULT_DISTANCE_UM = 1000.0


class DistanceTuner(ipywidgets.VBox):  # type: ignore[misc]
    """Sliders, a live picture, and a button that takes the distance over.

    ``dataset`` is the dataset with the accepted distance; the one given until then.
    """

    def __init__(self, ds: xr.Dataset, *, time: int = 0, crop_px: int = 512):
        hologram, self._setup = hologram_of(ds), setup_of(ds)
        if crop_px < 32:
            raise ParameterError(f"crop_px is {crop_px}; it must be at least 32")
        frame = hologram.isel(time=time) if "time" in hologram.dims else hologram
        self.dataset = ds
        self._crop = _central(frame, crop_px).values
        self._heights_um = _heights(ds)
        distance = DEFAULT_DISTANCE_UM
        if self._heights_um is not None:
            distance = float(self._heights_um.mean())
        self._stated_um = distance
        self.coarse = ipywidgets.FloatLogSlider(
            value=distance, min=np.log10(distance / 10), max=np.log10(distance * 10),
            step=0.005, description="µm", continuous_update=False,
        )  # fmt: skip
        self.fine = ipywidgets.FloatSlider(
            value=0.0, min=-50.0, max=50.0, step=1.0, description="± µm", continuous_update=True
        )
        names = [f"{w:g} nm" for w in self._setup.wavelength_nm]
        self.exposure = ipywidgets.Dropdown(
            options=[(f"{i}: {name}", i) for i, name in enumerate(names)], description="exposure"
        )
        self.show = ipywidgets.Dropdown(options=["phase", "amplitude"], description="show")
        self.picture = ipywidgets.Image(format="png", width=480)
        self.accept = ipywidgets.Button(description="accept", button_style="success")
        self.message = ipywidgets.HTML()
        for control in (self.coarse, self.fine, self.exposure, self.show):
            control.observe(self._redraw, names="value")
        self.accept.on_click(self._accepted)
        controls = [self.exposure, self.show, self.coarse, self.fine]
        super().__init__([*controls, self.picture, self.accept, self.message])
        self._redraw()

    @property
    def distance_um(self) -> float:
        """The distance that the sliders show (µm)."""
        return float(self.coarse.value + self.fine.value)

    def _redraw(self, change: Any = None) -> None:
        self.picture.value = refocused_png(
            self._crop,
            self._setup.at(max(self.distance_um, 1.0)),
            self.exposure.value,
            self.show.value,
        )
        self.message.value = f"{self.distance_um:.1f} µm"

    def _accepted(self, button: Any = None) -> None:
        attrs = {"units": "um", "long_name": "sample-to-sensor distance"}
        kept = self.dataset.drop_vars(["distance", *SLOPES], errors="ignore")
        heights = self._heights_um
        if heights is not None and np.ptp(heights) > 0:
            moved = heights + self.distance_um - self._stated_um
            kept = kept.assign_coords(distance=(exposure_dim(kept), moved, attrs))
        else:
            kept = kept.assign_coords(distance=((), self.distance_um, attrs))
        self.dataset = kept.assign_attrs(
            provenance(kept, "tune_distance", distance_um=self.distance_um)
        )
        self.message.value = f"accepted {self.distance_um:.1f} µm: see .dataset"


def tune_distance(ds: xr.Dataset, *, time: int = 0, crop_px: int = 512) -> DistanceTuner:
    """A widget that finds the distance by eye, on the central crop of one frame.

    Parameters
    ----------
    ds : Dataset
        With ``hologram``; the crop of one frame is computed.
    time : int
        Which frame.
    crop_px : int
        Side of the crop (px): keeps the picture live on full frames.
    """
    return DistanceTuner(ds, time=time, crop_px=crop_px)


def refocused_png(crop: np.ndarray[Any, Any], setup: Any, exposure: int, show: str) -> bytes:
    """The back-propagated phase or amplitude of one exposure of a crop, as PNG."""
    import torch
    from matplotlib.image import imsave

    from lensfree_nb.reconstruct.methods import Backpropagation

    one = dataclasses.replace(
        setup,
        wavelength_nm=(setup.wavelength_nm[exposure],),
        distance_um=(setup.known_distance()[exposure],),
    )
    image = torch.tensor(np.asarray(crop[exposure : exposure + 1], np.float32))
    with torch.inference_mode():
        found = Backpropagation()(image, one)
    shown = (found.opd_nm if show == "phase" else torch.exp(-found.absorption)).numpy()
    low, high = np.percentile(shown, (1, 99.5))
    buffer = io.BytesIO()
    imsave(buffer, shown, vmin=low, vmax=high, cmap="gray", format="png")
    return buffer.getvalue()


def _central(frame: xr.DataArray, crop_px: int) -> xr.DataArray:
    cuts = {}
    for dim in ("y", "x"):
        start = max((frame.sizes[dim] - crop_px) // 2, 0)
        cuts[dim] = slice(start, start + crop_px)
    return frame.transpose(exposure_dim(frame), "y", "x").isel(cuts)


def _heights(ds: xr.Dataset) -> np.ndarray[Any, Any] | None:
    """The distance of each exposure (µm) where it is stated and in memory; its mean over time."""
    if "distance" not in ds.coords and "distance_um" not in ds.attrs:
        return None
    distance = distance_of(ds)
    if distance.chunks is not None or not bool(distance.notnull().all()):
        return None
    return np.asarray(distance.mean("time") if "time" in distance.dims else distance)
