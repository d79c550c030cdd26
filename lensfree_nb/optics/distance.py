"""Sharpness over distance, and the plane of a tilted dish through distances found locally."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from lensfree_nb.checks import check_choice
from lensfree_nb.errors import DistanceError
from lensfree_nb.microscope import Setup
from lensfree_nb.optics.criteria import CRITERIA
from lensfree_nb.optics.propagation import fringe_halo_px, propagate

REWEIGHTINGS = 30
HUBER_SIGMAS = 1.345
LEAST_WINDOWS = 4


def sharpness_curve(
    hologram: Tensor, setup: Setup, distances_um: Sequence[float], criterion: str
) -> NDArray[np.float64]:
    """Sharpness of the back-propagated hologram at each of several distances.

    Parameters
    ----------
    hologram : Tensor, shape (exposure, y, x)
        Intensity, background 1; NaN where unknown, which is taken as background.
    setup : Setup
        The microscope; its own distance is not looked at.
    distances_um : sequence of float
        Where to look (µm).
    criterion : str
        A name in ``optics.criteria.CRITERIA``.

    Returns
    -------
    ndarray, shape (distance,)
        Mean over exposures of the criterion; higher is sharper. The pixels that the frame's edge
        reaches are left out as long as half of the frame remains.

    Raises
    ------
    ParameterError
        If there is no such criterion.
    """
    check_choice("criterion", criterion, CRITERIA)
    measure = CRITERIA[criterion]
    amplitude = torch.nan_to_num(hologram, nan=1.0).clamp(min=0).sqrt().to(torch.complex64)
    halo = fringe_halo_px(setup.at(max(distances_um)))
    # One margin for all distances: the same pixels are compared at each.
    margin = min(halo, min(hologram.shape[-2:]) // 4)
    inner = (slice(margin, -margin or None), slice(margin, -margin or None))
    return np.array(
        [
            np.mean(
                [
                    float(measure(back_propagated(wave, setup, e, float(z), halo)[inner]))
                    for e, wave in enumerate(amplitude)
                ]
            )
            for z in distances_um
        ]
    )


def back_propagated(
    amplitude: Tensor, setup: Setup, exposure: int, distance_um: float, pad_px: int
) -> Tensor:
    """The field (y, x; complex) at a distance (µm) of the sensor, where the background is 1.

    Parameters
    ----------
    amplitude : Tensor, shape (y, x), complex
        On the sensor: the root of an intensity whose background is 1.
    setup : Setup
        The microscope; its own distance is not looked at.
    exposure : int
        Which of its wavelengths.
    distance_um : float
        How far back.
    pad_px : int
        Margin that keeps periodic copies away.
    """
    # The background is carried apart, so that the zero margin is no edge.
    wave = propagate(
        amplitude - 1, setup.pixel_size_um, setup.wavelength_um[exposure], -distance_um,
        pad_px=pad_px,
    )  # fmt: skip
    cycles = distance_um / setup.wavelength_um[exposure]
    phase = torch.tensor(2 * np.pi * (cycles - round(cycles)), dtype=torch.float32)
    return 1 + wave * torch.polar(torch.ones_like(phase), phase)


@dataclass(frozen=True, slots=True)
class Tilt:
    """The plane that a sample lies in.

    Parameters
    ----------
    distance_um : float
        Distance at the origin of the positions (µm).
    slope_y_um_per_mm, slope_x_um_per_mm : float
        Change of the distance along y and x (µm per mm).
    spread_um : float
        Robust standard deviation (1.4826 MAD) of the local distances about the plane (µm).
    """

    distance_um: float
    slope_y_um_per_mm: float
    slope_x_um_per_mm: float
    spread_um: float


def fit_tilt(y_um: ArrayLike, x_um: ArrayLike, distance_um: ArrayLike) -> Tilt:
    """Plane through distances found in windows of a frame, few of which may be wrong.

    Huber's M-estimator by iterated reweighting, its scale from the median absolute deviation
    (Huber, Ann. Math. Stat. 35, 73 (1964)).

    Parameters
    ----------
    y_um, x_um : array_like, shape (window,)
        Position of each window from the origin that the plane is to be given at (µm).
    distance_um : array_like, shape (window,)
        Distance found there (µm); NaN where none was.

    Raises
    ------
    DistanceError
        If fewer than four windows have a distance, or all lie on one line.

    Examples
    --------
    >>> tilt = fit_tilt([0, 0, 1e3, 1e3], [0, 1e3, 0, 1e3], [900, 920, 905, 925])
    >>> round(tilt.distance_um), round(tilt.slope_y_um_per_mm), round(tilt.slope_x_um_per_mm)
    (900, 5, 20)
    """
    y, x, z = (np.asarray(values, float).ravel() for values in (y_um, x_um, distance_um))
    found = np.isfinite(z)
    design = np.stack([np.ones_like(y), y * 1e-3, x * 1e-3], axis=1)[found]
    z = z[found]
    if len(z) < LEAST_WINDOWS or np.linalg.matrix_rank(design) < 3:
        raise DistanceError(
            f"a tilt needs at least {LEAST_WINDOWS} windows with a distance, not on one line; "
            f"{len(z)} had one: use smaller windows or a single distance"
        )
    weight = np.ones_like(z)
    for _ in range(REWEIGHTINGS):
        root = np.sqrt(weight)
        plane = np.linalg.lstsq(design * root[:, None], z * root, rcond=None)[0]
        gap = np.abs(z - design @ plane)
        spread = 1.4826 * float(np.median(gap))
        weight = np.minimum(1.0, HUBER_SIGMAS * max(spread, 1e-9) / np.maximum(gap, 1e-9))
    return Tilt(float(plane[0]), float(plane[1]), float(plane[2]), spread)
