"""The card that a notebook shows for ``ds.lf``: what is there, and what comes next."""

from __future__ import annotations

import json
from html import escape

import numpy as np
import xarray as xr

from lensfree_nb.contract import EXPOSURE_DIMS
from lensfree_nb.units import floats

NEXT_VERB = (
    ("opd", "rec.lf.cells() measures every cell; rec.lf.figure() draws a frame"),
    ("distance", "ds.lf.reconstruct() inverts the holograms"),
    ("hologram", "ds.lf.find_distance() finds the sample-to-sensor distance"),
)


def repr_html(ds: xr.Dataset) -> str:
    """An HTML card of a dataset; computes nothing and escapes everything."""
    rows = [("frames", _frames(ds)), ("frame", _size(ds)), ("exposures", _exposures(ds))]
    rows += [("distance", _distance(ds)), ("verbs so far", _verbs(ds)), ("next", _next(ds))]
    body = "".join(
        f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>{value}</td></tr>"
        for name, value in rows
        if value
    )
    return f"<div><strong>Lens-free acquisition</strong><table>{body}</table></div>"


def _frames(ds: xr.Dataset) -> str:
    if "time" not in ds.sizes:
        return "1"
    count = str(ds.sizes["time"])
    if "time" not in ds.coords or not ds.sizes["time"]:
        return count
    first, last = (np.datetime_as_string(t, unit="m") for t in ds["time"].values[[0, -1]])
    return f"{count}, {escape(str(first))} to {escape(str(last))}"


def _size(ds: xr.Dataset) -> str:
    if "x" not in ds.sizes or "y" not in ds.sizes:
        return ""
    text = f"{ds.sizes['x']} × {ds.sizes['y']} px"
    if "pixel_size_um" not in ds.attrs:
        return text
    pitch = floats(ds.attrs["pixel_size_um"], "um", "pixel_size_um")[0]
    width, height = (ds.sizes[d] * pitch * 1e-3 for d in ("x", "y"))
    return f"{text} of {pitch:g} µm = {width:.2f} × {height:.2f} mm"


def _exposures(ds: xr.Dataset) -> str:
    if "wavelength" not in ds.coords or not any(d in ds.dims for d in EXPOSURE_DIMS):
        return ""
    chips = (
        f"<span style='border-left:.7em solid {_colour(w)};padding:0 .7em 0 .3em'>{w:g} nm</span>"
        for w in floats(ds.coords["wavelength"], "nm", "wavelength")
    )
    return "".join(chips)


def _colour(wavelength_nm: float) -> str:
    # Hue runs from violet (270 degrees) at 400 nm to red (0) at 660 nm; enough for a chip.
    hue = np.clip((660 - wavelength_nm) / 260, 0, 1) * 270
    return f"hsl({hue:.0f},80%,50%)"


def _distance(ds: xr.Dataset) -> str:
    if "distance" not in ds.coords:
        return escape(f"{ds.attrs['distance_um']} µm") if "distance_um" in ds.attrs else "not set"
    if ds.coords["distance"].chunks is not None:
        return "to be found when computed"
    values = np.unique(np.round(floats(ds.coords["distance"].values.ravel(), "um", "distance"), 1))
    return ", ".join(f"{z:g}" for z in values[:6]) + (" …" if len(values) > 6 else "") + " µm"


def _verbs(ds: xr.Dataset) -> str:
    try:
        history = json.loads(ds.attrs.get("provenance", "[]"))
        return " → ".join(escape(str(step["verb"])) for step in history)
    except (ValueError, TypeError, KeyError):
        return "unreadable provenance"


def _next(ds: xr.Dataset) -> str:
    return next((escape(text) for name, text in NEXT_VERB if name in ds.variables), "")
