"""Autofocus by inversion: the right distance is where the hologram is explained most simply.

A sharpness measure of the back-propagated field is fooled by the twin image: on phase objects it
peaks up to a tenth of the distance away. Here a few iterations of the regularised inversion are run
at each distance, and the objective that they reach (misfit + smoothness + sparsity, 1 for an empty
estimate) is compared. It fails where inversion fails: on objects whose OPD exceeds the
wavelength, on empty frames (reported as not found), and on frames of absorbing dust alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.microscope import DISTANCE_RANGE_UM, Setup
from lensfree_nb.reconstruct.misfit import Misfit, total
from lensfree_nb.reconstruct.solver import Weights, minimise
from lensfree_nb.reconstruct.windows import liveliest_windows, middle_exposure

WEIGHTS = Weights(smoothness=0.01, sparsity=0.001, relax=1.0)
COARSE_ITERATIONS, FINE_ITERATIONS = 10, 25
COARSE_STEP = 0.08
COARSE_WINDOW_PX, FINE_WINDOW_PX = 256, 512
COARSE_WINDOWS, FINE_WINDOWS = 2, 4
LEAST_DEPTH, CLEAR_DEPTH = 0.05, 0.2
BEYOND = 3.0
FLAT = 1e-9


@dataclass(frozen=True, slots=True)
class Focus:
    """Where a hologram is in focus, and how that was seen.

    Parameters
    ----------
    distance_um : float
        The distance (µm); NaN if it was not found.
    distances_um, objective : ndarray
        The curve, sorted by distance; 1 is an empty estimate, lower is better.
    reason : str
        Why it was not found; empty if it was.
    """

    distance_um: float
    distances_um: NDArray[np.float64]
    objective: NDArray[np.float64]
    reason: str = ""

    @property
    def found(self) -> bool:
        """Whether the distance was found."""
        return not self.reason


def objective(hologram: Tensor, setup: Setup, *, iterations: int = FINE_ITERATIONS) -> float:
    """Objective that the inversion of (exposure, y, x) reaches, relative to an empty estimate."""
    misfit = Misfit(hologram, setup)
    phase, absorption = minimise(misfit, WEIGHTS, iterations=iterations, proximal_steps=2)
    unexplained, contrast = misfit.residual_maps(misfit.predict(phase, absorption))
    rough = sum(_variation(image) for image in (phase, absorption))
    penalty = WEIGHTS.smoothness * rough + WEIGHTS.sparsity * (total(phase) + total(absorption))
    data = 0.5 * total(unexplained) / setup.exposures
    empty = 0.5 * total(contrast) / setup.exposures
    # Rounding errors of a flat field are no fringes.
    if empty < FLAT * contrast.numel():
        return 1.0
    return (data + penalty) / empty


def focus_curve(
    windows: Sequence[Tensor], setup: Setup, distances_um: Iterable[float], iterations: int
) -> NDArray[np.float64]:
    """:func:`objective` at each of several distances, its mean over windows of a frame."""
    return np.array(
        [
            np.mean([objective(w, setup.at(float(z)), iterations=iterations) for w in windows])
            for z in distances_um
        ]
    )


def coarse_curve(
    hologram: Tensor, setup: Setup, distances_um: Iterable[float]
) -> NDArray[np.float64]:
    """:func:`focus_curve` of a few iterations, on one exposure: it tells enough."""
    middle = middle_exposure(hologram)
    windows = liveliest_windows(hologram[middle : middle + 1], COARSE_WINDOW_PX, COARSE_WINDOWS)
    return focus_curve(windows, only_exposure(setup, middle), distances_um, COARSE_ITERATIONS)


def find_focus(hologram: Tensor, setup: Setup, range_um: tuple[float, float]) -> Focus:
    """One distance for all exposures of a frame, coarse to fine.

    The fine stage looks at all exposures and at more windows: objects may lie at several depths.

    Parameters
    ----------
    hologram : Tensor, shape (exposure, y, x)
        NaN where unknown.
    setup : Setup
        The microscope; its own distance is not looked at.
    range_um : (float, float)
        Where to search (µm).
    """
    coarse = coarse_distances(range_um)
    curve = coarse_curve(hologram, setup, coarse)
    best = int(np.argmin(curve))
    reason = _better_beyond(hologram, setup, coarse, curve) or why_not(curve, best, range_um)
    if reason:
        return Focus(math.nan, coarse, curve, reason)

    windows = liveliest_windows(hologram, FINE_WINDOW_PX, FINE_WINDOWS)

    def fine(distance: float) -> float:
        return float(focus_curve(windows, setup, [distance], FINE_ITERATIONS)[0])

    low, high = coarse[best - 1], coarse[best + 1]
    return Focus(lowest(fine, float(low), float(high)), coarse, curve)


def find_planes(
    hologram: Tensor,
    setup: Setup,
    start_um: Sequence[float],
    *,
    spread: float = 0.06,
    sweeps: int = 2,
) -> tuple[float, ...]:
    """Distances of several exposures of one object, solved together.

    Each in turn is moved to where all exposures together are explained best, from `start_um`
    (found one by one) within `spread` of it, which is halved at each sweep.
    """
    distances = [float(z) for z in start_um]
    for sweep in range(sweeps):
        reach = spread / 2**sweep
        for plane, centre in enumerate(tuple(distances)):

            def joint(distance: float, plane: int = plane) -> float:
                trial = (*distances[:plane], distance, *distances[plane + 1 :])
                return objective(hologram, setup.at(trial))

            distances[plane] = lowest(joint, centre * (1 - reach), centre * (1 + reach), points=5)
    return tuple(distances)


def only_exposure(setup: Setup, exposure: int) -> Setup:
    """The microscope of one exposure alone, at no distance yet."""
    return replace(
        setup, wavelength_nm=(setup.wavelength_nm[exposure],), distance_um=None, shift_um=()
    )


def _variation(image: Tensor) -> float:
    down, across = image[1:, :-1] - image[:-1, :-1], image[:-1, 1:] - image[:-1, :-1]
    return total((down * down + across * across).sqrt())


def _depth(curve: NDArray[np.float64]) -> float:
    return 1 - float(curve.min() / np.median(curve))


def _better_beyond(
    hologram: Tensor, setup: Setup, distances_um: NDArray[np.float64], curve: NDArray[np.float64]
) -> str:
    """Whether a shallow curve is but the foot of a deeper one: then look beyond its ends."""
    if _depth(curve) > CLEAR_DEPTH:
        return ""
    steps = math.ceil(math.log(BEYOND) / math.log1p(COARSE_STEP))
    factors = np.geomspace(1, BEYOND, steps + 1)[1:]
    low, high = DISTANCE_RANGE_UM
    further = np.concatenate([distances_um[0] / factors, distances_um[-1] * factors])
    further = further[(further >= low) & (further <= high)]
    outside = coarse_curve(hologram, setup, further)
    if outside.min() > (1 - LEAST_DEPTH) * curve.min():
        return ""
    return (
        f"a distance outside of {distances_um[0]:g} to {distances_um[-1]:g} um explains the "
        f"hologram better: about {further[int(np.argmin(outside))]:.0f} um"
    )


def coarse_distances(range_um: tuple[float, float]) -> NDArray[np.float64]:
    """Distances (µm) at which to look first: each a twelfth further than the last."""
    start, stop = range_um
    steps = max(5, math.ceil(math.log(stop / start) / math.log1p(COARSE_STEP)) + 1)
    return np.geomspace(start, stop, steps)


def why_not(curve: NDArray[np.float64], best: int, range_um: tuple[float, float]) -> str:
    """Why the lowest point of a coarse curve is no focus; empty if it is one."""
    depth = _depth(curve)
    if depth < LEAST_DEPTH:
        return f"no distance explains the hologram better than others (depth {depth:.3f})"
    if best in (0, len(curve) - 1):
        return f"the best distance is an end of the range {range_um[0]:g} to {range_um[1]:g} um"
    return ""


def lowest(
    function: Callable[[float], float], low: float, high: float, *, points: int = 7
) -> float:
    """Minimum of a smooth function on an interval: sampled, then a parabola through the lowest."""
    places = np.linspace(low, high, points)
    values = np.array([function(float(z)) for z in places])
    best = int(np.clip(np.argmin(values), 1, points - 2))
    before, here, after = values[best - 1 : best + 2]
    curvature = before - 2 * here + after
    shift = 0.5 * (before - after) / curvature if curvature > 0 else 0.0
    return float(places[best] + np.clip(shift, -1, 1) * (places[1] - places[0]))
