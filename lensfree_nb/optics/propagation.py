"""Free-space propagation of a scalar field by the angular spectrum.

``H(f) = exp(2 pi i z sqrt(1/lambda^2 - f^2))`` (Goodman, Introduction to Fourier Optics, ch. 3),
evanescent waves cut, band-limited where the distance under-samples the phase of H
(Matsushima & Shimobaba, Opt. Express 17, 19662 (2009)). All lengths in µm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from lensfree_nb.errors import DistanceError
from lensfree_nb.microscope import Setup
from lensfree_nb.optics.fourier import ifft2

ALIGNMENT = 16
MOST_HALO_PX, MOST_HALO_FRAMES = 2048, 4


def fringe_halo_px(setup: Setup) -> int:
    """How far (px) an object's fringes reach on the sensor, for the largest wavelength.

    ``ceil(z tan(asin(lambda / 2p)) / p)``: the steepest ray that the pixel pitch still samples.

    >>> fringe_halo_px(Setup((530.0,), 1.67, (1000.0,)))
    97
    """
    pitch = setup.pixel_size_um
    reach = 0.0
    for wavelength, distance in zip(setup.wavelength_um, setup.known_distance(), strict=True):
        sine = min(wavelength / (2 * pitch), 0.99)
        reach = max(reach, distance * math.tan(math.asin(sine)) / pitch)
    return math.ceil(reach)


def checked_halo_px(setup: Setup, frame: tuple[int, int]) -> int:
    """As :func:`fringe_halo_px`, for a frame (px) that it must not exceed by far.

    Raises
    ------
    DistanceError
        If it is many times the frame.
    """
    halo = fringe_halo_px(setup)
    if halo > max(MOST_HALO_PX, MOST_HALO_FRAMES * max(frame)):
        raise DistanceError(
            f"fringes reach {halo} px at this distance, many times the frame of {frame[0]} x "
            f"{frame[1]} px; check the units of distance_um and pixel_size_um"
        )
    return halo


def fast_shape(shape: Sequence[int], margin_px: int = 0) -> tuple[int, int]:
    """Smallest shape that holds `shape` and a margin on each side, and that FFTs fast.

    Both sides are 16 times a product of 2, 3 and 5. The 16 makes every thread's share of the
    field a whole number of vector registers: complex products round differently in the
    remainder of a register, and would make the result depend on the number of threads.

    >>> fast_shape((2748, 3840), 97)
    (3072, 4096)
    """
    height, width = (
        ALIGNMENT * int(next_fast_len(math.ceil((n + 2 * margin_px) / ALIGNMENT), real=True))
        for n in shape
    )
    return height, width


def frequencies(
    shape: Sequence[int], pixel_size_um: float, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Spatial frequencies (1/µm, float64) of an FFT: a column along y and a row along x."""
    fy = torch.fft.fftfreq(shape[0], pixel_size_um, dtype=torch.float64, device=device)
    fx = torch.fft.fftfreq(shape[1], pixel_size_um, dtype=torch.float64, device=device)
    return fy[:, None], fx[None, :]


def half_frequencies(
    shape: Sequence[int], pixel_size_um: float, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """As :func:`frequencies`, the non-negative ones only: enough for what is even in both."""
    fy, fx = frequencies(shape, pixel_size_um, device)
    return fy[: shape[0] // 2 + 1].abs(), fx[:, : shape[1] // 2 + 1].abs()


def unfolded(quadrant: Tensor, shape: Sequence[int]) -> Tensor:
    """The whole of an even function, in FFT order, from its values at :func:`half_frequencies`.

    >>> unfolded(torch.tensor([[0, 1, 2]]), (1, 4)).tolist()
    [[0, 1, 2, 1]]
    """
    (height, width), (rows, columns) = shape, quadrant.shape
    whole = torch.empty((height, width), dtype=quadrant.dtype, device=quadrant.device)
    whole[:rows, :columns] = quadrant
    whole[:rows, columns:] = quadrant[:, 1 : width - columns + 1].flip(1)
    whole[rows:] = whole[1 : height - rows + 1].flip(0)
    return whole


def transfer_function(
    shape: Sequence[int],
    pixel_size_um: float,
    wavelength_um: float,
    distance_um: float,
    *,
    band_limit: bool = True,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.complex64,
) -> Tensor:
    """Angular-spectrum transfer function, in FFT order.

    The phase is computed in float64 and wrapped before it is rounded, so that a distance of
    thousands of wavelengths costs no accuracy.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the field (px).
    pixel_size_um, wavelength_um, distance_um : float
        Pitch, wavelength inside the medium, and distance (µm); a negative distance goes back.
    band_limit : bool
        Cut the frequencies that this shape under-samples at this distance.

    Returns
    -------
    Tensor
        Complex, `shape`.
    """
    fy, fx = half_frequencies(shape, pixel_size_um, device)
    squared = 1.0 / wavelength_um**2 - fy**2 - fx**2
    keep = squared > 0
    if band_limit:
        for f, n in ((fy, shape[0]), (fx, shape[1])):
            step = 1.0 / (n * pixel_size_um)
            limit = 1.0 / (wavelength_um * math.hypot(2 * step * distance_um, 1.0))
            keep &= f <= limit
    cycles = distance_um * squared.clamp_(min=0).sqrt_()
    phase = (2 * math.pi) * (cycles - cycles.round())
    real = torch.float64 if dtype == torch.complex128 else torch.float32
    return unfolded(torch.polar(keep.to(real), phase.to(real)), shape)


def propagate(
    field: Tensor,
    pixel_size_um: float,
    wavelength_um: float,
    distance_um: float,
    *,
    pad_px: int = 0,
    band_limit: bool = True,
) -> Tensor:
    """Field after `distance_um` of free space.

    Parameters
    ----------
    field : Tensor, shape (..., y, x)
        Complex field.
    pad_px : int
        Zero margin on each side that keeps the periodic copies away; the shape is then also
        rounded up to one that FFTs fast. 0 propagates the field as one period of a periodic one.

    Returns
    -------
    Tensor
        Complex field of the same shape.
    """
    height, width = field.shape[-2:]
    shape = fast_shape((height, width), pad_px) if pad_px else (height, width)
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    padded = torch.nn.functional.pad(
        field, (left, shape[1] - width - left, top, shape[0] - height - top)
    )
    transfer = transfer_function(
        shape, pixel_size_um, wavelength_um, distance_um,
        band_limit=band_limit, device=field.device, dtype=field.dtype,
    )  # fmt: skip
    result: Tensor = ifft2(torch.fft.fft2(padded) * transfer)
    return result[..., top : top + height, left : left + width]
