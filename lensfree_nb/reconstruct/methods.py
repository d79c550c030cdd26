"""The learning-free methods, as kernels: a frame's (or tile's) hologram to an estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lensfree_nb.microscope import Setup
from lensfree_nb.reconstruct.misfit import Misfit
from lensfree_nb.reconstruct.neighbourhood import around, noise_variance
from lensfree_nb.reconstruct.solver import Weights, minimise

DEFAULT_WEIGHTS = Weights()
# Of a start: share of the contrast nearby. Chosen on a time-lapse of the tuning seed.
MOST_UNEXPLAINED_BY_START = 0.4
Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a method finds, over the sensor: every Tensor but one of shape (y, x), float32.

    ``misfit`` and ``contrast`` are squared amplitudes summed over the exposures; the square root
    of the ratio of their sums is the residual of a frame. ``noise`` is the part of them, at a
    pixel, that is white noise. ``known`` (exposure, y, x; bool) is where there was something to
    compare with: what was recorded, and no dust. ``refocused``, where a method has it, is the
    misfit were the sample nearer, at its distance, and further away (``reconstruct.defocus``).
    """

    opd_nm: Tensor
    absorption: Tensor
    misfit: Tensor
    contrast: Tensor
    noise: float
    known: Tensor
    refocused: tuple[Tensor, ...] = ()


@dataclass(frozen=True, slots=True)
class Inverse:
    """Regularised inversion (Allier 2022 §2.2): proximal gradient with positivity.

    Parameters
    ----------
    iterations : int
        Gradient steps.
    weights : Weights
        The regularisation.
    background_px : float or None
        Scale of the fitted slow background (px); None fits a constant.
    proximal_steps : int
        Dual steps of total variation in each iteration.
    periodic : bool
        Take each frame for one period of a periodic object, as simulated fields may be.
    """

    iterations: int = 100
    weights: Weights = DEFAULT_WEIGHTS
    background_px: float | None = 40.0
    proximal_steps: int = 3
    periodic: bool = False

    def reach_px(self, fringes_px: int) -> int:
        """How far beyond a tile an iterated inversion must see: twice as far as fringes reach."""
        return 2 * fringes_px

    def __call__(self, hologram: Tensor, setup: Setup, start: Tensor | None = None) -> Estimate:
        """Invert one frame: hologram (exposure, y, x), any scale, NaN where unknown.

        It starts from OPD (nm) and absorption, (2, y, x), where they are given.
        """
        misfit = self.misfit(hologram, setup)
        return estimate(misfit, *self.solve(misfit, started(misfit, start)))

    def misfit(self, hologram: Tensor, setup: Setup) -> Misfit:
        """What is minimised for one frame."""
        return Misfit(hologram, setup, background_px=self.background_px, periodic=self.periodic)

    def solve(self, misfit: Misfit, start: Pair | None = None) -> Pair:
        """Phase (rad) and absorption on the padded field, from a start or from nothing."""
        return minimise(
            misfit,
            self.weights,
            iterations=self.iterations,
            proximal_steps=self.proximal_steps,
            start=start,
        )


def started(misfit: Misfit, start: Tensor | None) -> Pair | None:
    """OPD (nm) and absorption (2, y, x) as phase and absorption on the padded field.

    Nothing is left of them where they explain little of the light nearby: a cell that has moved
    since would stay as a ghost.
    """
    if start is None:
        return None
    phase, absorption = misfit.spread(start[0] / misfit.opd_nm_a_rad), misfit.spread(start[1])
    unexplained, contrast = misfit.residual_maps(misfit.predict(phase, absorption))
    holds = around(unexplained) < MOST_UNEXPLAINED_BY_START * around(contrast)
    for part in (phase, absorption):
        misfit.crop(part).mul_(holds)
    return phase, absorption


def annealed(iterations: int = 200, background_px: float | None = 40.0) -> Inverse:
    """The learning-free rival: complex total variation whose weight is annealed.

    Gao & Cao, Opt. Lett. 47, 5965 (2022): 20e-3 to 2e-3 over 200 iterations, no positivity of the
    phase, no sparsity. That absorption is kept positive is ours (without it noisy holograms
    diverge), and so is what total variation is taken of: the pair (phase, absorption), since the
    colours share no complex field.
    """
    weights = Weights(smoothness=20e-3, sparsity=0.0, relax=10.0, positive=False, joint=True)
    return Inverse(iterations, weights, background_px)


@dataclass(frozen=True, slots=True)
class Backpropagation:
    """The field back at the sample, as if the sensor had recorded no phase: twin image and all.

    Several exposures are averaged: OPD by wavelength, absorption plainly.
    """

    background_px: float | None = 40.0

    def reach_px(self, fringes_px: int) -> int:
        """How far beyond a tile one propagation must see."""
        return fringes_px

    def __call__(self, hologram: Tensor, setup: Setup) -> Estimate:
        """Back-propagate one frame: hologram (exposure, y, x), NaN where unknown."""
        misfit = Misfit(hologram, setup, background_px=self.background_px)
        fields = misfit.back_propagated()
        phase = misfit.zeros()
        absorption = misfit.zeros()
        for field, e in zip(fields, misfit.recorded, strict=True):
            phase += field.angle() / misfit.ratios[e] / len(fields)
            absorption -= field.abs().clamp_(min=1e-3).log_() / len(fields)
        return estimate(misfit, phase, absorption)


def estimate(misfit: Misfit, phase: Tensor, absorption: Tensor) -> Estimate:
    """What the padded phase and absorption say of the sensor's frame, and how well."""
    squared, contrast = misfit.residual_maps(misfit.predict(phase, absorption))
    return Estimate(
        opd_nm=torch.clone(misfit.crop(phase)) * misfit.opd_nm_a_rad,
        absorption=torch.clone(misfit.crop(absorption)),
        misfit=squared,
        contrast=contrast,
        noise=sum(noise_variance(misfit.normalised(e, math.nan)) for e in misfit.recorded),
        known=misfit.weight > 0,
    )
