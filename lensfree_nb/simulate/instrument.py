"""The simulated microscope with its imperfections, each of which can be switched off."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from lensfree_nb.checks import check_number
from lensfree_nb.errors import ParameterError
from lensfree_nb.microscope import Setup
from lensfree_nb.simulate.camera import Camera

PAPER_SETUP: Final = Setup(
    wavelength_nm=(640.0, 530.0, 450.0),
    pixel_size_um=1.67,
    distance_um=(1000.0,) * 3,
    source_diameter_um=50.0,
    source_distance_mm=50.0,
    bandwidth_nm=20.0,
)


MOST_UNEVEN: Final = 0.95
PARTS: Final = ("light", "surface")


@dataclass(frozen=True, slots=True)
class Instrument:
    """Everything between the cells and the numbers in a file.

    Parameters
    ----------
    setup : Setup
        Wavelengths, pitch, distances, source and bandwidth: what a user would state.
    lines : int
        Spectral lines of each exposure, over ±2 standard deviations of its bandwidth.
    oversampling : int
        Points of the object's grid per pixel, along each axis.
    fill : float
        Side of a pixel's light-sensitive square, over the pitch.
    shift_um : tuple of (float, float)
        Lateral shift (y, x) of each exposure: the LEDs do not sit at one place. Empty: none.
    slope_um_per_mm : (float, float)
        Tilt of the dish: change of the distance along y and x, from the middle of the sensor.
    uneven : float
        Amplitude of the slow unevenness of the light, another in each colour.
    dust_per_mm2 : float
        Specks on the sensor's window, which shade the same pixels in every frame.
    surface_nm, surface_um : float
        Roughness of the dish: standard deviation of its OPD, and over how far it is alike. It
        scatters light in every frame alike, and is no part of the cells' truth.
    camera : Camera
        Noise and numbers.
    serial : int
        Which copy of the instrument: seeds its dust and the course of its light.
    """

    setup: Setup = PAPER_SETUP
    lines: int = 5
    oversampling: int = 2
    fill: float = 1.0
    shift_um: tuple[tuple[float, float], ...] = ()
    slope_um_per_mm: tuple[float, float] = (0.0, 0.0)
    uneven: float = 0.0
    dust_per_mm2: float = 0.0
    surface_nm: float = 0.0
    surface_um: float = 5.0
    camera: Camera = field(default_factory=Camera)
    serial: int = 0

    def __post_init__(self) -> None:
        """Refuse what no instrument can be."""
        if any(math.isinf(z) or z <= 0 for z in self.setup.known_distance()):
            raise ParameterError(f"distance_um is {self.setup.distance_um}; it must be > 0")
        if self.lines < 1 or self.oversampling < 1:
            raise ParameterError(
                f"lines is {self.lines}, oversampling {self.oversampling}; both must be at least 1"
            )
        if not 0 < self.fill <= 1:
            raise ParameterError(f"fill is {self.fill}; it must lie between 0 and 1")
        if self.shift_um and len(self.shift_um) != self.setup.exposures:
            raise ParameterError(
                f"shift_um has {len(self.shift_um)} pairs for {self.setup.exposures} exposures"
            )
        check_number("uneven", self.uneven, 0, MOST_UNEVEN)
        check_number("dust_per_mm2", self.dust_per_mm2)
        check_number("surface_nm", self.surface_nm, 0, 1000)
        check_number("surface_um", self.surface_um, 0, 1000, open_low=True)
        pairs = (*self.shift_um, self.slope_um_per_mm)
        if any(np.shape(pair) != (2,) or not np.isfinite(pair).all() for pair in pairs):
            raise ParameterError(
                f"shift_um is {self.shift_um}, slope_um_per_mm {self.slope_um_per_mm}; needed are "
                "pairs of numbers (y, x)"
            )
        object.__setattr__(self, "shift_um", tuple((float(y), float(x)) for y, x in self.shift_um))

    def at(self, distance_um: float | tuple[float, ...]) -> Instrument:
        """The same instrument at another distance (µm): one, or one an exposure."""
        return replace(self, setup=self.setup.at(distance_um))

    def own_rng(self, part: Literal["light", "surface"]) -> np.random.Generator:
        """Source of what stays the same in all its frames."""
        return np.random.default_rng([0x1E45, self.serial, PARTS.index(part)])


PRESETS: Final[dict[str, Instrument]] = {
    # A point source of one line, a camera without noise.
    "ideal": Instrument(
        setup=replace(
            PAPER_SETUP, source_diameter_um=0.0, source_distance_mm=float("inf"), bandwidth_nm=0.0
        ),
        lines=1,
    ),
    # Normalised holograms with 1 % of noise: the textbook's case.
    "plain": Instrument(camera=Camera(relative_noise=0.01)),
    "paper": Instrument(
        fill=0.9,
        shift_um=((1.0, -0.6), (0.0, 0.0), (-0.8, 0.9)),
        slope_um_per_mm=(0.0, 0.0),
        uneven=0.1,
        dust_per_mm2=1.0,
        surface_nm=1.0,
        camera=Camera(
            full_well_e=20_000.0, exposure=0.5, read_noise_e=8.0, bits=12, offset=16.0, drift=0.005
        ),
    ),
    "harsh": Instrument(
        setup=replace(PAPER_SETUP, bandwidth_nm=30.0, source_diameter_um=100.0),
        fill=0.7,
        shift_um=((4.0, -3.0), (0.0, 0.0), (-3.0, 5.0)),
        slope_um_per_mm=(1.5, -1.0),
        uneven=0.3,
        dust_per_mm2=8.0,
        surface_nm=3.0,
        camera=Camera(
            full_well_e=5_000.0, exposure=0.6, read_noise_e=20.0, bits=8, offset=4.0, drift=0.03
        ),
    ),
}


def instrument_of(name: str | Instrument) -> Instrument:
    """An instrument itself, or the preset of a name.

    Raises
    ------
    ParameterError
        If there is no such preset.
    """
    if isinstance(name, Instrument):
        return name
    if name not in PRESETS:
        raise ParameterError(f"instrument is {name!r}; use an Instrument, or {', '.join(PRESETS)}")
    return PRESETS[name]
