"""Phase contrast and brightfield through an objective, by Abbe's theory.

Every point of the condenser's aperture sends a plane wave through the sample; the objective
collects what the sample diffracts within its aperture, and the images of all points add up in
intensity (Born & Wolf, Principles of Optics, §10.6.3; Zernike, Physica 9, 686 (1942)). In phase
contrast the condenser shows a ring, and a plate in the objective's pupil weakens its direct light
and advances it by a quarter of a wave: halo and shade-off follow from the plate's finite width.

The sample is thin: one plane, ``exp(-absorption + 2 pi i OPD / lambda)``. That leaves out what
lies above or below the plane of focus within a cell; defocus concerns the sample as a whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import torch
from torch import Tensor

from lensfree_nb.checks import check_choice, check_number
from lensfree_nb.errors import ParameterError
from lensfree_nb.optics.fourier import ifft2
from lensfree_nb.optics.object_field import object_field
from lensfree_nb.optics.propagation import frequencies
from lensfree_nb.optics.sensor import pixel_transfer, spectral_lines
from lensfree_nb.simulate.camera import Camera

GOLDEN_ANGLE: Final = math.pi * (3 - math.sqrt(5))
LINES: Final = 3
# Beyond it nothing of an image is left.
MOST_WAVES: Final = 5.0
GREY_NM: Final = (550.0,)
COLOURS_NM: Final = (610.0, 540.0, 465.0)


@dataclass(frozen=True, slots=True)
class Objective:
    """An inverted microscope, from the condenser to the camera.

    Parameters
    ----------
    name : str
        As on its barrel.
    aperture : float
        Numerical aperture of the objective.
    pixel_size_um : float
        Pitch of the camera's pixels in the sample.
    contrast : {"phase", "brightfield"}
        Which way of seeing transparent cells.
    wavelength_nm : tuple of float
        Centre of each channel's light: one is grey, three are a colour camera's.
    bandwidth_nm : float
        Width (FWHM) of each channel.
    illumination : (float, float)
        Inner and outer edge of the lit condenser aperture, over the objective's: a ring for
        phase contrast, a disc for brightfield.
    plate : (float, float)
        Inner and outer edge of the phase plate, over the objective's aperture.
    transmission : float
        Of the plate, in amplitude.
    medium_index : float
        Refractive index of the medium, for defocus.
    spherical_waves : float
        Primary spherical aberration, as of a dish of another thickness than the objective is made
        for: Zernike's ``Z(4, 0) = 6 rho**4 - 6 rho**2 + 1`` of this amplitude (wavelengths), which
        leaves the focus where it is.
    source_points : int
        Points that stand for the condenser's aperture.
    camera : Camera
        Noise and numbers.
    """

    name: str
    aperture: float
    pixel_size_um: float
    contrast: Literal["phase", "brightfield"] = "phase"
    wavelength_nm: tuple[float, ...] = GREY_NM
    bandwidth_nm: float = 60.0
    illumination: tuple[float, float] = (0.52, 0.62)
    plate: tuple[float, float] = (0.48, 0.66)
    transmission: float = 0.5
    medium_index: float = 1.335
    spherical_waves: float = 0.0
    source_points: int = 30
    camera: Camera = field(
        default_factory=lambda: Camera(full_well_e=15_000.0, exposure=0.4, read_noise_e=6.0, bits=8)
    )

    def __post_init__(self) -> None:
        """Refuse what no microscope can be."""
        if not 0 < self.aperture < self.medium_index or not 0 < self.pixel_size_um < math.inf:
            raise ParameterError(
                f"aperture is {self.aperture}, pixel_size_um {self.pixel_size_um}; needed are a "
                f"numerical aperture below medium_index ({self.medium_index}) and a length"
            )
        check_choice("contrast", self.contrast, ("phase", "brightfield"))
        for name in ("illumination", "plate"):
            inner, outer = getattr(self, name)
            if not 0 <= inner < outer <= 1:
                raise ParameterError(f"{name} is {inner, outer}; needed is 0 <= inner < outer <= 1")
        if not 0 < self.transmission <= 1 or self.source_points < 1:
            raise ParameterError(
                f"transmission is {self.transmission}, source_points {self.source_points}; needed "
                "are a share above 0, and at least 1"
            )
        if not self.wavelength_nm:
            raise ParameterError("wavelength_nm is empty; give one wavelength a channel")
        for value in self.wavelength_nm:
            check_number("wavelength_nm", value, 10, 20_000)
        check_number("bandwidth_nm", self.bandwidth_nm, 0, 1_000)
        check_number("spherical_waves", self.spherical_waves, -MOST_WAVES, MOST_WAVES)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        known: dict[int, tuple[str, ...]] = {1: ("grey",), 3: ("red", "green", "blue")}
        names = tuple(f"{w:g} nm" for w in self.wavelength_nm)
        return known.get(len(self.wavelength_nm), names)

    @property
    def depth_of_field_um(self) -> float:
        """``n lambda / NA**2``: how far planes may lie apart and look alike (Born & Wolf, §8.8)."""
        middle_um = 1e-3 * sum(self.wavelength_nm) / len(self.wavelength_nm)
        return self.medium_index * middle_um / self.aperture**2

    def brightfield(self) -> Objective:
        """The same without ring and plate, the condenser stopped down to 0.4, as for cells."""
        return replace(self, contrast="brightfield", illumination=(0.0, 0.4))

    def in_colour(self) -> Objective:
        """The same with a colour camera."""
        return replace(self, wavelength_nm=COLOURS_NM)


# Pixels such that the camera of Xue 2021 §4.3 (1608 px, 595 µm at 20x) sees what it saw there.
OBJECTIVES: Final[dict[str, Objective]] = {
    "10x/0.30": Objective("10x/0.30", 0.30, 0.74),
    "20x/0.45": Objective("20x/0.45", 0.45, 0.37),
}


def objective_of(name: str | Objective) -> Objective:
    """An objective itself, or the preset of a name.

    Raises
    ------
    ParameterError
        If there is no such preset.
    """
    if isinstance(name, Objective):
        return name
    if name not in OBJECTIVES:
        raise ParameterError(f"objective is {name!r}; use an Objective, or {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]


def images(
    opd_nm: Tensor,
    absorption: Tensor,
    objective: Objective,
    channel: int,
    defocus_um: tuple[float, ...],
    pitch_um: float,
) -> Tensor:
    """Mean intensity (focus, y, x) over each square of the object's grid, bare background 1.

    Parameters
    ----------
    opd_nm, absorption : Tensor, shape (y, x)
        The sample, one period of a periodic one.
    channel : int
        Which of the objective's wavelengths.
    defocus_um : tuple of float
        How far the plane in focus lies beyond the sample, along the light.
    pitch_um : float
        Of the grid.
    """
    shape = (opd_nm.shape[0], opd_nm.shape[1])
    device = opd_nm.device
    fy, fx = frequencies(shape, pitch_um, device)
    centre, fwhm = objective.wavelength_nm[channel] * 1e-3, objective.bandwidth_nm * 1e-3
    lines = spectral_lines(centre, fwhm, LINES)
    total = torch.zeros((len(defocus_um), *shape), device=device)
    direct = 0.0
    for number, (vacuum_um, weight) in enumerate(lines):
        spectrum = torch.fft.fft2(object_field(opd_nm, absorption, 2e-3 * math.pi / vacuum_um))
        pupils = [pupil_of(fy, fx, objective, vacuum_um, z).to(torch.complex64) for z in defocus_um]
        # Every line has its own points, so that together they fill the aperture.
        points = source_points(objective, number, len(lines))
        for y, x in points:
            steps = [
                round(s * objective.aperture / vacuum_um * n * pitch_um)
                for s, n in zip((y, x), shape, strict=True)
            ]
            tilted = torch.roll(spectrum, steps, (0, 1))
            here = (steps[0] % shape[0], steps[1] % shape[1])
            share = weight / len(points)
            direct += share * float(pupils[0][here].abs()) ** 2
            for image, pupil in zip(total, pupils, strict=True):
                wave = ifft2(tilted * pupil)
                for part in (wave.real, wave.imag):
                    image.addcmul_(part, part, value=share)
    blur = pixel_transfer(fy, fx, pitch_um)[:, : shape[1] // 2 + 1].float()
    blurred: Tensor = torch.fft.irfft2(torch.fft.rfft2(total) * blur, s=shape)
    return blurred.clamp_(min=0) / direct


def pupil_of(
    fy: Tensor, fx: Tensor, objective: Objective, vacuum_um: float, defocus_um: float
) -> Tensor:
    """What the objective does to each spatial frequency (complex128)."""
    radius = torch.hypot(fy, fx) * (vacuum_um / objective.aperture)
    squared = (objective.medium_index / vacuum_um) ** 2 - fy**2 - fx**2
    phase = 2 * math.pi * defocus_um * squared.clamp(min=0).sqrt()
    phase = phase + 2 * math.pi * objective.spherical_waves * (6 * radius**4 - 6 * radius**2 + 1)
    passed = (radius <= 1).double()
    if objective.contrast == "phase":
        inner, outer = objective.plate
        plate = (radius >= inner) & (radius <= outer)
        passed = torch.where(plate, passed * objective.transmission, passed)
        # A retarded wave has a positive phase here: what is advanced loses some.
        phase = torch.where(plate, phase - math.pi / 2, phase)
    return torch.polar(passed, phase)


def source_points(objective: Objective, line: int, lines: int) -> list[tuple[float, float]]:
    """Every `lines`-th of evenly strewn points (y, x) of the lit aperture, over the objective's."""
    inner, outer = objective.illumination
    count = max(objective.source_points, lines)
    points = []
    for k in range(line, count, lines):
        radius = math.sqrt(inner**2 + (k + 0.5) / count * (outer**2 - inner**2))
        points.append((radius * math.sin(k * GOLDEN_ANGLE), radius * math.cos(k * GOLDEN_ANGLE)))
    return points
