"""What a simulated camera makes of the light: photons, electrons, counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lensfree_nb.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Camera:
    """How light becomes numbers.

    Parameters
    ----------
    full_well_e : float
        Electrons that a pixel holds; what is brighter is saturated. Infinite: no shot noise.
    exposure : float
        Level of the bare background, as a share of the full well.
    read_noise_e : float
        Standard deviation of the reading (electrons).
    bits : int or None
        Depth of the numbers, 8 to 16; None leaves the hologram normalised (background 1, float).
    offset : float
        Counts without light.
    drift : float
        Standard deviation of the brightness from frame to frame, relative.
    relative_noise : float
        Standard deviation of Gaussian noise that grows with the light: a simple stand-in for the
        above, for holograms that stay normalised.
    """

    full_well_e: float = math.inf
    exposure: float = 0.5
    read_noise_e: float = 0.0
    bits: int | None = None
    offset: float = 0.0
    drift: float = 0.0
    relative_noise: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no camera can be."""
        if not self.full_well_e > 0 or not 0 < self.exposure <= 1:
            raise ParameterError(
                f"full_well_e is {self.full_well_e} and exposure {self.exposure}; needed are > 0, "
                "and a share between 0 and 1"
            )
        whole = isinstance(self.bits, (int, np.integer)) and not isinstance(self.bits, bool)
        if self.bits is not None and not (whole and 8 <= self.bits <= 16):
            raise ParameterError(f"bits is {self.bits!r}; give 8 to 16, or None for normalised")
        if self.bits is not None and not 0 <= self.offset < self.full_scale:
            raise ParameterError(
                f"offset is {self.offset}; it must lie within the {self.bits} bits"
            )
        for name in ("read_noise_e", "drift", "relative_noise"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ParameterError(f"{name} is {getattr(self, name)}; it must be >= 0")
        if self.read_noise_e > 0 and math.isinf(self.full_well_e):
            raise ParameterError("read_noise_e is given, full_well_e is not; give both or neither")

    @property
    def full_scale(self) -> int:
        """Largest number it writes, where it writes integers."""
        return int(2 ** (self.bits or 16)) - 1

    @property
    def counts_of_background(self) -> float:
        """Counts of the bare background above the offset, where it writes integers."""
        return self.exposure * (self.full_scale - self.offset)

    @property
    def dark_level(self) -> float:
        """What it writes without light."""
        return self.offset if self.bits else 0.0

    def record(
        self, intensity: Tensor, generator: torch.Generator, brightness: float = 1.0
    ) -> Tensor:
        """Counts (int32), or the normalised hologram (float32), of an intensity of background 1.

        Parameters
        ----------
        intensity : Tensor, shape (y, x)
            As it falls on the sensor.
        generator : torch.Generator
            Source of the noise, on the same device.
        brightness : float
            Of this frame; it does not change what counts as the full well.
        """
        light = intensity * brightness
        if self.relative_noise:
            gaussian = torch.randn(light.shape, generator=generator, device=light.device)
            light = light * (1 + self.relative_noise * gaussian)
        if math.isfinite(self.full_well_e):
            one = self.full_well_e * self.exposure
            electrons = torch.poisson((light * one).clamp(min=0), generator=generator)
            noise = torch.randn(light.shape, generator=generator, device=light.device)
            light = (electrons.clamp(max=self.full_well_e) + self.read_noise_e * noise) / one
            if self.bits is None:
                light = light.clamp(min=0.0, max=1 / self.exposure)
        if self.bits is None:
            return light
        counts = torch.round(self.offset + self.counts_of_background * light)
        return counts.clamp(0, self.full_scale).to(torch.int32)
