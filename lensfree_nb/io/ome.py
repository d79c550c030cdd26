"""What OME-XML states: pixel size, wavelengths and times (2016-06 schema)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from lensfree_nb.errors import SetupError
from lensfree_nb.units import length_factor

_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0,
                   "min": 60.0, "h": 3600.0, "d": 86400.0}  # fmt: skip


def read_ome(xml: str, frames: int) -> dict[str, Any]:
    """Facts of OME-XML, named as in :class:`lensfree_nb.io.tiff.TiffLayout`."""
    import tifffile

    tree = tifffile.xml2dict(xml).get("OME", {})
    image = _first(tree.get("Image", {}))
    pixels = _first(image.get("Pixels", {}))
    facts: dict[str, Any] = {}
    if "PhysicalSizeX" in pixels:
        unit = str(pixels.get("PhysicalSizeXUnit", "um"))
        facts["pixel_size_um"] = in_um(float(pixels["PhysicalSizeX"]), unit)
        other = str(pixels.get("PhysicalSizeYUnit", unit))
        height = in_um(float(pixels.get("PhysicalSizeY", pixels["PhysicalSizeX"])), other)
        if facts["pixel_size_um"] and height and abs(height / facts["pixel_size_um"] - 1) > 0.01:
            raise SetupError(
                f"PhysicalSizeX and PhysicalSizeY are {facts['pixel_size_um']:g} and {height:g} "
                "um; pixels must be square: resample the images first"
            )
    wavelengths = []
    for channel in _all(pixels.get("Channel", [])):
        kind = next(
            (k for k in ("ExcitationWavelength", "EmissionWavelength") if k in channel), None
        )
        if kind is not None:
            factor = length_factor(str(channel.get(kind + "Unit", "nm")), "nm")
            wavelengths.append(float(channel[kind]) * factor)
    if wavelengths and len(wavelengths) == len(_all(pixels["Channel"])):
        facts["wavelength_nm"] = tuple(wavelengths)
    if "AcquisitionDate" in image:
        try:
            facts["start"] = np.datetime64(str(image["AcquisitionDate"]).removesuffix("Z"), "ns")
        except ValueError:
            facts["start"] = None
    facts["offsets_s"] = _ome_offsets(pixels, frames)
    return facts


def _ome_offsets(pixels: dict[str, Any], frames: int) -> tuple[float, ...] | None:
    elapsed: dict[int, float] = {}
    for plane in _all(pixels.get("Plane", [])):
        if "DeltaT" in plane:
            seconds = float(plane["DeltaT"]) * _SECONDS.get(str(plane.get("DeltaTUnit", "s")), 1.0)
            elapsed.setdefault(int(plane.get("TheT", 0)), seconds)
    if len(elapsed) == frames:
        return tuple(elapsed[t] for t in sorted(elapsed))
    if "TimeIncrement" in pixels:
        unit = str(pixels.get("TimeIncrementUnit", "s"))
        step = float(pixels["TimeIncrement"]) * _SECONDS.get(unit, 1.0)
        return tuple(step * i for i in range(frames))
    return None


def _all(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def in_um(value: float, unit: str) -> float | None:
    """A length in µm; None where the unit is no length."""
    try:
        return float(f"{value * length_factor(unit, 'um'):.9g}")
    except ValueError:  # "pixel", "inch": no size of a microscope's pixel
        return None
