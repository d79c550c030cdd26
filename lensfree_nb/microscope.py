"""The microscope, as numbers."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lensfree_nb.errors import DistanceError, SetupError
from lensfree_nb.units import floats

DISTANCE_RANGE_UM: Final = (0.1, 1e6)
FARTHEST_SHIFT_UM: Final = 1e4


@dataclass(frozen=True, slots=True)
class Setup:
    """The microscope, as numbers: everything that light needs to know.

    Parameters
    ----------
    wavelength_nm : tuple of float
        Vacuum wavelength of each exposure (nm).
    pixel_size_um : float
        Pixel pitch of the sensor (µm).
    distance_um : tuple of float, optional
        Sample-to-sensor distance of each exposure (µm); NaN where not found.
    medium_index : float
        Refractive index of what the light crosses; 1 makes distances optical ones.
    source_diameter_um, source_distance_mm : float
        Diameter of the source (µm) and its distance from the sample (mm).
    bandwidth_nm : float
        Spectral width of each exposure, full width at half maximum (nm).
    shift_um : tuple of (float, float)
        Where each exposure's hologram lies on the sensor (y, x; µm), as LEDs that stand side by
        side put it; empty where all lie on each other.
    """

    wavelength_nm: tuple[float, ...]
    pixel_size_um: float
    distance_um: tuple[float, ...] | None = None
    medium_index: float = 1.0
    source_diameter_um: float = 0.0
    source_distance_mm: float = math.inf
    bandwidth_nm: float = 0.0
    shift_um: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no microscope can be."""
        object.__setattr__(self, "wavelength_nm", tuple(self.wavelength_nm))
        if not self.wavelength_nm:
            raise SetupError("wavelength_nm is empty; give one wavelength for each exposure")
        for value in self.wavelength_nm:
            _check_number("wavelength_nm", value, 10.0, 20_000.0, "nm")
        _check_number("pixel_size_um", self.pixel_size_um, 1e-3, 1e3, "um")
        _check_number("medium_index", self.medium_index, 1.0, 5.0, "(no unit)")
        _check_number("source_diameter_um", self.source_diameter_um, 0.0, 1e5, "um")
        _check_number("bandwidth_nm", self.bandwidth_nm, 0.0, 1e3, "nm")
        if not self.source_distance_mm > 0:
            raise SetupError(f"source_distance_mm is {self.source_distance_mm}; it must be > 0")
        if self.source_diameter_um > 0 and math.isinf(self.source_distance_mm):
            raise SetupError(
                f"source_diameter_um is {self.source_diameter_um:g}, but source_distance_mm is not "
                "given; give both, or neither for a point"
            )
        if self.shift_um and len(self.shift_um) != len(self.wavelength_nm):
            raise SetupError(
                f"shift_um has {len(self.shift_um)} pairs for {len(self.wavelength_nm)} exposures; "
                "give one (y, x) an exposure"
            )
        for value in (v for pair in self.shift_um for v in pair):
            _check_number("shift_um", value, -FARTHEST_SHIFT_UM, FARTHEST_SHIFT_UM, "um")
        if self.distance_um is not None:
            if len(self.distance_um) != len(self.wavelength_nm):
                raise SetupError(
                    f"distance_um has {len(self.distance_um)} values for "
                    f"{len(self.wavelength_nm)} exposures; give one, or one an exposure"
                )
            for value in self.distance_um:
                check_distance(value)

    @property
    def exposures(self) -> int:
        """How many exposures a frame has."""
        return len(self.wavelength_nm)

    @property
    def wavelength_um(self) -> tuple[float, ...]:
        """Wavelength inside the medium of each exposure (µm)."""
        return tuple(w * 1e-3 / self.medium_index for w in self.wavelength_nm)

    def at(self, distance_um: float | tuple[float, ...]) -> Setup:
        """The same microscope at another distance (µm): one, or one an exposure."""
        values = floats(distance_um, "um", "distance_um")
        if len(values) == 1:
            values *= self.exposures
        return dataclasses.replace(self, distance_um=values)

    def registered(self, shift_um: NDArray[np.float64]) -> Setup:
        """The same microscope with its exposures' places (µm; exposure, 2); 0 where unknown."""
        pairs = np.nan_to_num(shift_um)
        shifts = tuple((float(y), float(x)) for y, x in pairs) if pairs.any() else ()
        return dataclasses.replace(self, shift_um=shifts)

    def known_distance(self) -> tuple[float, ...]:
        """The distance of each exposure (µm).

        Raises
        ------
        DistanceError
            If a distance is not set.
        """
        if self.distance_um is None or any(math.isnan(z) for z in self.distance_um):
            raise DistanceError(
                "distance_um is not set; give it when opening (distance_um=1000) or call "
                "ds.lf.find_distance() first"
            )
        return self.distance_um


def _check_number(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise SetupError(
            f"{name} is {value}; it must lie between {low:g} and {high:g} {unit}. "
            "Check the unit: the name says which one is meant"
        )


def check_distance(value_um: float) -> float:
    """The distance (µm) itself, or an error; NaN, which means "not found", passes."""
    low, high = DISTANCE_RANGE_UM
    if math.isnan(value_um) or low <= value_um <= high:
        return value_um
    raise DistanceError(
        f"distance_um is {value_um}; it must lie between {low:g} and {high:g} um (1 mm is 1000 um)"
    )
