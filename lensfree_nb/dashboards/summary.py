"""A result in a few numbers: what was measured, and with which instrument."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import xarray as xr

from lensfree_nb.contract import METRIC_UNITS, pixel_size_of
from lensfree_nb.dashboards.figure import METRIC_LABELS
from lensfree_nb.dashboards.selection import is_whole
from lensfree_nb.units import floats

SETUP_LABELS = {
    "medium_index": ("medium index", ""),
    "bandwidth_nm": ("bandwidth", "nm"),
    "source_diameter_um": ("source diameter", "µm"),
    "source_distance_mm": ("source distance", "mm"),
}


def quartiles(cells: pd.DataFrame) -> pd.DataFrame:
    """Number, median and quartiles of each metric over whole, trusted cells; units in the index."""
    whole = cells[is_whole(cells)]
    rows = {}
    for metric in METRIC_UNITS:
        values = whole[metric].dropna() if metric in whole else pd.Series(dtype=float)
        low, median, high = values.quantile([0.25, 0.5, 0.75]) if len(values) else [np.nan] * 3
        rows[METRIC_LABELS[metric]] = {
            "cells": len(values), "lower quartile": low, "median": median, "upper quartile": high,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def headline(ds: xr.Dataset, cells: pd.DataFrame) -> str:
    """Cells, frames, density and confluence in one sentence."""
    frames = ds.sizes.get("time", 1)
    area_mm2 = ds.sizes["y"] * ds.sizes["x"] * pixel_size_of(ds) ** 2 * 1e-6 * frames
    covered = 100 * float(cells["area_um2"].sum()) * 1e-6 / area_mm2
    kept = int(is_whole(cells).sum())
    return (
        f"{len(cells)} cells in {frames} {'frame' if frames == 1 else 'frames'}: "
        f"{len(cells) / area_mm2:.0f} cells/mm², {covered:.1f} % of the field covered. "
        f"{kept} are whole and trusted; the distributions are theirs."
    )


def setup_rows(ds: xr.Dataset) -> dict[str, str]:
    """The instrument as it is stated in a dataset, and the distance used; nothing is guessed."""
    rows = {"pixel": f"{pixel_size_of(ds):g} µm", "frame": f"{ds.sizes['x']} × {ds.sizes['y']} px"}
    if "wavelength" in ds.coords:
        values = floats(ds.coords["wavelength"], "nm", "wavelength")
        rows["wavelength"] = ", ".join(f"{value:g}" for value in values) + " nm"
    if "distance" in ds.coords:
        stated = floats(ds.coords["distance"].values.ravel(), "um", "distance")
        distances = np.unique(np.round(stated, 1))
        shown = ", ".join(f"{value:g}" for value in distances[:6])
        rows["distance"] = f"{shown}{' …' if len(distances) > 6 else ''} µm"
    for name, (label, unit) in SETUP_LABELS.items():
        if name in ds.attrs:
            rows[label] = f"{ds.attrs[name]} {unit}".strip()
    return rows


def verbs(ds: xr.Dataset) -> list[tuple[str, str]]:
    """Each verb that made the dataset, with its version and parameters."""
    try:
        history = json.loads(str(ds.attrs.get("provenance", "[]")))
        return [
            (
                f"{step['verb']} ({step['version']})",
                ", ".join(f"{k} = {v}" for k, v in step["parameters"].items() if v is not None),
            )
            for step in history
        ]
    except (ValueError, TypeError, KeyError):
        return [("provenance", "unreadable")]
