"""Whether a network was made for what it is to measure, and whether it has met the like."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from lensfree_nb.contract import CHANGE_UNITS, METRIC_UNITS, pixel_size_of
from lensfree_nb.errors import DataError, ParameterError, QualityWarning
from lensfree_nb.nets.header import GROWS
from lensfree_nb.nets.registry import ModelSpec, find_model_for
from lensfree_nb.quantify.error_stretch import RESIDUAL
from lensfree_nb.units import length_factor

UNITS: Final = {**METRIC_UNITS, **CHANGE_UNITS}
PITCH_WITHIN: Final = 0.1


def network_for(network: str | Path | ModelSpec, tasks: Sequence[str]) -> ModelSpec:
    """The network, if it is for one of these tasks.

    Parameters
    ----------
    network : str, Path or ModelSpec
        Its name, its file, or itself.
    tasks : sequence of str
        What it may be for.

    Raises
    ------
    ParameterError
        If it is for something else, or was made by another version.
    """
    from lensfree_nb.quantify.channels import CHANNELS

    spec = find_model_for(network, tasks)
    drawn, channels = spec.options["outputs"], CHANNELS.get(str(spec.options["task"]))
    metrics = tuple(spec.options.get("metrics", ()))
    needed = channels.outputs if channels else len(metrics)
    if drawn != needed or (channels and metrics != channels.metrics) or set(metrics) - set(UNITS):
        raise ParameterError(
            f"network {spec.name} draws {drawn} images for {', '.join(metrics) or 'no metric'}, "
            f"this version reads {needed}: it was made by another one; train it anew"
        )
    return spec


def knows(spec: ModelSpec, ds: xr.Dataset) -> bool:
    """Whether a network learned from images like these: of others no cell is certain.

    Parameters
    ----------
    spec : ModelSpec
        The network.
    ds : Dataset
        With ``pixel_size_um``, and ``wavelength`` where it comes from a hologram.

    Warns
    -----
    QualityWarning
        If pixels are of another size than those that it learned from, or colours are fewer.
    """
    pitch, learned = pixel_size_of(ds), spec.options.get("trained_on", {})
    pitch_learned = float(learned.get("pixel_size_um", math.nan))
    unmet = []
    if abs(pitch / pitch_learned - 1) > PITCH_WITHIN:
        unmet.append(
            f"learned from pixels of {pitch_learned:g} um, these are of {pitch:g}: resample the OPD"
        )
    colours, met = len(colours_nm(ds)), len(learned.get("wavelength_nm", []))
    if 0 < colours < met:
        unmet.append(f"learned from holograms of {met} colours, this is one of {colours}")
    for words in unmet:
        warnings.warn(
            f"network {spec.name} {words}; no cell is trusted: hold the cells against the standard "
            "pipeline",
            QualityWarning,
            stacklevel=4,
        )
    return not unmet


def colours_nm(ds: xr.Dataset) -> list[float]:
    """Wavelengths of the holograms that the OPD comes from, each once; none where it does not say.

    Raises
    ------
    UnitError, DataError
        If they are no lengths.
    """
    if "wavelength" not in ds.coords:
        return []
    told = ds.coords["wavelength"]
    if told.dtype.kind not in "uif" or not (told > 0).all():
        raise DataError("wavelength holds what is no length; give wavelengths in nm, or drop them")
    factor = length_factor(str(told.attrs.get("units", "nm")), "nm")
    return sorted({float(each) * factor for each in np.ravel(told)})


def unlike(values: Any, options: Mapping[str, Any]) -> Any:
    """Which cells (n,) measure what none did that the network learned from.

    Parameters
    ----------
    values : Tensor, shape (metric, n)
        In the order of the network's metrics.
    options : mapping
        Of the network.
    """
    reach = options.get("trained_on", {}).get("range", {})
    beyond = values.new_zeros(values.shape[1], dtype=bool)
    for metric, row in zip(options["metrics"], values, strict=True):
        if metric in reach:
            low, high = reach[metric]
            beyond = beyond | (row < low) | (row > high)
    return beyond


def unexplained(options: Mapping[str, Any], residual: float) -> bool:
    """Whether a frame leaves more of its hologram over than any that errors were held against."""
    told = options.get(GROWS, {}).get(RESIDUAL)
    return told is not None and residual > told["range"][1]
