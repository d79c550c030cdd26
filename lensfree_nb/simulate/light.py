"""Light from a simulated sample to the sensor: every spectral line, then what blurs intensity.

The object is sampled finer than the sensor and lies in a field larger than it. The solver's
model is another one: one line a colour, all blur to first order, on the sensor's own grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from lensfree_nb.errors import DistanceError
from lensfree_nb.optics.fourier import ifft2
from lensfree_nb.optics.object_field import object_field
from lensfree_nb.optics.propagation import (
    checked_halo_px,
    fast_shape,
    frequencies,
    half_frequencies,
    transfer_function,
    unfolded,
)
from lensfree_nb.optics.sensor import (
    pixel_transfer,
    source_blur_um,
    source_transfer,
    spectral_lines,
)
from lensfree_nb.simulate.instrument import Instrument
from lensfree_nb.simulate.render import Field
from lensfree_nb.simulate.substrate import grain

NODE_STEP_UM, NODES_NEAR = 6.0, 6
Kept = dict[Hashable, Tensor]


@dataclass(frozen=True, slots=True)
class Stage:
    """The object's grid around a sensor: `oversampling` points a pixel, a margin, a fast shape.

    Point ``margin`` along each axis is the first of the sensor's first pixel.
    """

    sensor: tuple[int, int]
    shape: tuple[int, int]
    margin: int
    oversampling: int
    pitch_um: float

    @classmethod
    def around(cls, sensor: tuple[int, int], instrument: Instrument) -> Stage:
        """The grid whose margin catches the fringes of what lies beyond the sensor."""
        points = instrument.oversampling
        reach = checked_halo_px(instrument.setup, sensor) + math.ceil(
            max((abs(s) for pair in instrument.shift_um for s in pair), default=0.0)
            / instrument.setup.pixel_size_um
        )
        shape = fast_shape([n * points for n in sensor], reach * points)
        pitch = instrument.setup.pixel_size_um / points
        return cls(sensor, shape, reach * points, points, pitch)

    @classmethod
    def periodic(cls, sensor: tuple[int, int], instrument: Instrument) -> Stage:
        """The grid of a sensor that sees one period of a periodic object."""
        points = instrument.oversampling
        height, width = (n * points for n in sensor)
        return cls(sensor, (height, width), 0, points, instrument.setup.pixel_size_um / points)

    @property
    def field(self) -> Field:
        """The grid in the sample's coordinates: the first pixel's centre is at 0, 0."""
        first = -(self.margin + (self.oversampling - 1) / 2) * self.pitch_um
        return Field(self.shape, self.pitch_um, (first, first))

    def sampled(self, image: Tensor) -> Tensor:
        """Every pixel's first point."""
        rows, columns = (
            slice(self.margin, self.margin + n * self.oversampling, self.oversampling)
            for n in self.sensor
        )
        return image[rows, columns]

    def averaged(self, image: Tensor) -> Tensor:
        """Means over the pixels."""
        height, width = (n * self.oversampling for n in self.sensor)
        part = image[self.margin : self.margin + height, self.margin : self.margin + width]
        return torch.nn.functional.avg_pool2d(part[None], self.oversampling)[0]


def intensity(
    opd_nm: Tensor,
    absorption: Tensor,
    instrument: Instrument,
    exposure: int,
    stage: Stage,
    kept: Kept | None = None,
) -> Tensor:
    """Intensity of one exposure on the sensor, background 1.

    Parameters
    ----------
    opd_nm, absorption : Tensor
        The object on the stage's grid.
    kept : dict, optional
        What hangs on the instrument and the stage alone is left here, and taken from here the
        next time: for many fields seen by one instrument.
    """
    setup = instrument.setup
    total = torch.zeros(stage.shape, device=opd_nm.device)
    centre, fwhm = setup.wavelength_nm[exposure] * 1e-3, setup.bandwidth_nm * 1e-3
    distance = setup.known_distance()[exposure]
    for vacuum_um, weight in spectral_lines(centre, fwhm, instrument.lines):
        spectrum = torch.fft.fft2(object_field(opd_nm, absorption, 2e-3 * math.pi / vacuum_um))
        waves = torch.zeros((), device=opd_nm.device)
        for distance_um, share in _nodes(instrument, stage, distance, opd_nm.device):
            inside_um = vacuum_um / setup.medium_index
            transfer = _once(
                kept,
                (inside_um, distance_um),
                partial(
                    transfer_function, stage.shape, stage.pitch_um, inside_um, distance_um,
                    device=opd_nm.device,
                ),
            )  # fmt: skip
            # What all waves gain on the way has no part in their interference.
            carrier = -2 * math.pi * ((distance_um * setup.medium_index / vacuum_um) % 1)
            passed = spectrum.mul_(transfer) if share is None else transfer * spectrum
            wave = ifft2(passed)
            waves = wave if share is None else waves + wave * (share * _phasor(carrier))
        for part in (waves.real, waves.imag):
            total.addcmul_(part, part, value=weight)
    blur = _once(kept, exposure, partial(_blur, instrument, exposure, stage, opd_nm.device))
    return stage.sampled(torch.fft.irfft2(torch.fft.rfft2(total) * blur, s=stage.shape))


def own_light(instrument: Instrument, sensor: tuple[int, int]) -> Iterator[NDArray[np.float32]]:
    """The instrument's light without a sample, exposure by exposure (y, x)."""
    steady = instrument.own_rng("light")
    clear = dust(sensor, instrument.setup.pixel_size_um, instrument.dust_per_mm2, steady)
    for _ in range(instrument.setup.exposures):
        yield clear * uneven_light(sensor, instrument.uneven, steady)


def surface(instrument: Instrument, stage: Stage, device: torch.device) -> Tensor | float:
    """OPD (nm) of the dish itself on the stage's grid; 0 where it is smooth."""
    if not instrument.surface_nm:
        return 0.0
    steady = instrument.own_rng("surface")
    generator = torch.Generator(device).manual_seed(int(steady.integers(2**62)))
    rough = grain(stage.shape, stage.pitch_um, instrument.surface_um, generator)
    return rough.mul_(instrument.surface_nm)


def uneven_light(
    sensor: tuple[int, int], amplitude: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A slow course of the light, mean about 1, off it by `amplitude` at most (y, x)."""
    if not amplitude:
        return np.ones(sensor, np.float32)
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in sensor)
    a, b, c, d = rng.uniform(-1, 1, 4) * amplitude / 2
    bowl = (y[:, None] ** 2 + x[None] ** 2 - 2 / 3) * 0.75
    course = a * y[:, None] + b * x[None] + c * y[:, None] * x[None] + d * bowl
    # All four together never exceed the amplitude.
    return np.asarray(1 + course / max(1.0, float(np.abs(course).max()) / amplitude), np.float32)


def dust(
    sensor: tuple[int, int], pixel_size_um: float, per_mm2: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Transmission of the dirt on the sensor (y, x): specks of 3 to 25 µm, soft at the edge."""
    clear = np.ones(sensor, np.float32)
    area_mm2 = np.prod(sensor) * pixel_size_um**2 * 1e-6
    for _ in range(rng.poisson(per_mm2 * area_mm2)):
        centre = rng.uniform(0, sensor)
        radius = rng.uniform(1.5, 12.5) / pixel_size_um
        depth = rng.uniform(0.15, 0.95)
        low = np.maximum(np.floor(centre - radius - 3).astype(int), 0)
        high = np.minimum(np.ceil(centre + radius + 4).astype(int), sensor)
        y, x = np.ogrid[low[0] : high[0], low[1] : high[1]]
        disc = np.hypot(y - centre[0], x - centre[1]) < radius
        shade = gaussian_filter(disc.astype(np.float32), 0.8)
        clear[low[0] : high[0], low[1] : high[1]] *= 1 - depth * shade
    return clear


def _nodes(
    instrument: Instrument, stage: Stage, distance_um: float, device: torch.device
) -> Iterator[tuple[float, Tensor | None]]:
    """Distances at which the wave is computed, and each one's share at every point.

    The dish may be tilted: between nodes at most 6 µm apart the field, free of the carrier, is
    interpolated (Lagrange, over the six nearest). Without a tilt there is one node, and no share.
    """
    slope = instrument.slope_um_per_mm
    if not any(slope):
        yield distance_um, None
        return
    middle = [stage.margin + n * stage.oversampling / 2 for n in stage.sensor]
    y, x = (
        (torch.arange(n, device=device) - m) * (stage.pitch_um * 1e-3 * s)
        for n, m, s in zip(stage.shape, middle, slope, strict=True)
    )
    half = float(y.abs().max() + x.abs().max())
    if half >= distance_um:
        raise DistanceError(
            f"slope_um_per_mm is {slope}: over the field the distance of {distance_um:g} um would "
            f"change by {half:.0f} um to either side"
        )
    count = 2 * math.ceil(half / NODE_STEP_UM) + 1
    near = min(count, NODES_NEAR)
    step = 2 * half / (count - 1)
    place = (y[:, None] + x[None, :] + half) / step  # in nodes
    first = (place.floor() - (near // 2 - 1)).clamp_(0, count - near)
    place -= first
    for k in range(count):
        own = k - first  # which of the nearest this node is
        share = ((own >= 0) & (own < near)).float()
        for j in range(near):
            share *= torch.where(own == j, 1.0, (place - j) / torch.where(own == j, 1.0, own - j))
        yield distance_um - half + k * step, share


def _once(kept: Kept | None, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
    if kept is None:
        return make()
    if key not in kept:
        kept[key] = make()
    return kept[key]


def _phasor(angle: float) -> complex:
    return complex(math.cos(angle), math.sin(angle))


def _blur(instrument: Instrument, exposure: int, stage: Stage, device: torch.device) -> Tensor:
    """Source, pixel and lateral shift as a transfer of the intensity, half of it (rfft2).

    It also carries the centre of each pixel to the pixel's first point.
    """
    setup = instrument.setup
    diameter = source_blur_um(setup, setup.known_distance()[exposure])
    positive = half_frequencies(stage.shape, stage.pitch_um, device)
    blur = source_transfer(*positive, diameter) * pixel_transfer(
        *positive, instrument.fill * setup.pixel_size_um
    )
    blur = unfolded(blur.float(), (stage.shape[0], blur.shape[1]))
    fy, fx = (f.float() for f in frequencies(stage.shape, stage.pitch_um, device))
    fx = fx[:, : blur.shape[1]].abs()
    to_centre = (stage.oversampling - 1) / 2 * stage.pitch_um
    dy, dx = instrument.shift_um[exposure] if instrument.shift_um else (0.0, 0.0)
    ramp = 2 * math.pi * (fy * (to_centre - dy) + fx * (to_centre - dx))
    return torch.polar(blur, ramp)
