"""Whether a network was made for the microscope whose holograms it is to work on."""

from __future__ import annotations

import warnings

import xarray as xr

from lensfree_nb.errors import ParameterError, QualityWarning
from lensfree_nb.microscope import Setup
from lensfree_nb.nets.registry import ModelSpec

FROM_ESTIMATE = 2
WITHIN = {"wavelength": 0.05, "pixel_size": 0.15, "distance": 0.1}


def check_network(spec: ModelSpec, setup: Setup, distance: xr.DataArray) -> None:
    """Refuse what cannot be used, and warn of what was never learned.

    A distance that is still to be computed is not looked at.

    Raises
    ------
    ParameterError
        If it is not for reconstruction, or for another number of exposures.

    Warns
    -----
    QualityWarning
        If wavelengths, pixel size or a known distance lie outside of what it was trained on.
    """
    options = spec.options
    if options.get("task") != "reconstruct":
        raise ParameterError(
            f"network {spec.name} is not for reconstruction but for {options.get('task')}"
        )
    inputs, outputs = int(options["inputs"]), int(options["outputs"])
    if outputs != FROM_ESTIMATE:
        raise ParameterError(
            f"network {spec.name} gives {outputs} images; one for reconstruction gives "
            f"{FROM_ESTIMATE}, OPD and absorption"
        )
    if inputs not in (FROM_ESTIMATE, FROM_ESTIMATE + 2 * setup.exposures):
        raise ParameterError(
            f"network {spec.name} takes {(inputs - FROM_ESTIMATE) // 2} exposures, the hologram "
            f"has {setup.exposures}; use method 'inverse', or network='unwrap', shown no colours"
        )
    if unlike := _unlike(options.get("trained_on", {}), setup, distance):
        warnings.warn(
            f"network {spec.name} was trained on other {', '.join(unlike)} than these: hold its "
            "result against method 'inverse' before you trust it",
            QualityWarning,
            stacklevel=4,
        )


def channel_order(spec: ModelSpec, setup: Setup) -> list[int]:
    """Which exposure goes where a network expects red, green and blue, by their wavelengths."""
    learned = spec.options.get("trained_on", {}).get("wavelength_nm", [])
    exposures = range(setup.exposures)
    if len(learned) != setup.exposures:
        return list(exposures)
    order = [0] * setup.exposures
    places = sorted(exposures, key=lambda place: learned[place])
    for place, exposure in zip(
        places, sorted(exposures, key=lambda e: setup.wavelength_nm[e]), strict=True
    ):
        order[place] = exposure
    return order


def _unlike(
    learned: dict[str, list[float] | float], setup: Setup, distance: xr.DataArray
) -> list[str]:
    """What of the setup the network has not met."""
    found = []
    wavelengths = learned.get("wavelength_nm")
    if isinstance(wavelengths, list):
        pairs = zip(sorted(wavelengths), sorted(setup.wavelength_nm), strict=False)
        same = len(wavelengths) == setup.exposures
        if not same or any(abs(a / b - 1) > WITHIN["wavelength"] for a, b in pairs):
            found.append("wavelengths")
    pixel = learned.get("pixel_size_um")
    if (
        isinstance(pixel, float | int)
        and abs(setup.pixel_size_um / pixel - 1) > WITHIN["pixel_size"]
    ):
        found.append("pixel_size_um")
    reach = learned.get("distance_um")
    if isinstance(reach, list) and distance.chunks is None:
        low, high = reach[0] * (1 - WITHIN["distance"]), reach[1] * (1 + WITHIN["distance"])
        if bool(((distance < low) | (distance > high)).any()):
            found.append("distance_um")
    return found
