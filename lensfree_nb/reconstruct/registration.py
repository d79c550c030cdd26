"""Where each exposure lies on the sensor: LEDs stand side by side, and so do their holograms.

What the other exposures say of the sample predicts an exposure's hologram; how far the recorded
one lies beside the prediction is its shift: to a pixel by cross-correlation, then by weighted least
squares (Lucas & Kanade, Proc. IJCAI 1981, 674). Holograms themselves cannot be laid on each other:
their fringes differ with the wavelength.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.registration import phase_cross_correlation
from torch import Tensor

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.fourier import ifft2
from lensfree_nb.optics.sensor import shift_transfer
from lensfree_nb.reconstruct.misfit import TINY, Misfit
from lensfree_nb.reconstruct.slow_background import slow_background
from lensfree_nb.reconstruct.solver import Weights, minimise
from lensfree_nb.reconstruct.windows import liveliest_windows

ITERATIONS, ROUNDS, STEPS = 10, 2, 6
OUTLIER_SDS, MAD_TO_SD = 3.0, 1.4826
WINDOW_PX, BACKGROUND_PX = 768, 40.0
LEAST_LIKENESS = 0.3


def shifts_um(hologram: Tensor, setup: Setup) -> NDArray[np.float64]:
    """Shift (y, x; µm) of each exposure against the first of those in the middle of the spectrum.

    Parameters
    ----------
    hologram : Tensor, shape (exposure, y, x)
        In any scale, NaN where unknown.
    setup : Setup
        With the distances.

    Returns
    -------
    ndarray, shape (exposure, 2)
        NaN where a hologram is not like its prediction; 0 of an exposure that was not recorded.
    """
    window = liveliest_windows(hologram, WINDOW_PX, 1)[0]
    recorded = [e for e in range(setup.exposures) if bool(torch.isfinite(window[e]).any())]
    reference = _reference(setup, recorded)
    found, lost = np.zeros((setup.exposures, 2)), np.zeros((setup.exposures, 2))
    for round_ in range(ROUNDS):
        for exposure in tuple(recorded):
            if exposure == reference:
                continue
            # At first only the reference's place is known.
            others = [e for e in recorded if e != exposure] if round_ else [reference]
            known = torch.full_like(window, torch.nan)
            known[others] = window[others]
            at = dataclasses.replace(setup, shift_um=tuple((y, x) for y, x in found.tolist()))
            found[exposure] += _beside(window[exposure], known, exposure, at)
            if np.isnan(found[exposure]).any():
                recorded = [e for e in recorded if e != exposure]
                lost[exposure] = np.nan
                found[exposure] = 0.0
    return found + lost


def _reference(setup: Setup, recorded: list[int]) -> int:
    middle = np.median([setup.wavelength_nm[e] for e in recorded])
    return min(recorded, key=lambda e: abs(setup.wavelength_nm[e] - middle))


def _beside(image: Tensor, known: Tensor, exposure: int, setup: Setup) -> NDArray[np.float64]:
    """How far (y, x; µm) a hologram lies beside what the known exposures predict."""
    misfit = Misfit(known, setup)
    phase, absorption = minimise(misfit, Weights(), iterations=ITERATIONS)
    expected = misfit.predict(phase, absorption)[exposure]
    weight = torch.isfinite(image).float()
    amplitude = image.nan_to_num().clamp(min=0).sqrt()
    top, bottom = weight * expected * amplitude, weight * expected**2
    overall = float(top.sum() / bottom.sum().clamp(min=TINY))
    background = slow_background(top, bottom, BACKGROUND_PX, overall)
    recorded, predicted = weight * (amplitude / background - 1), expected - 1
    coarse, _, _ = phase_cross_correlation(
        recorded.cpu().numpy(), predicted.cpu().numpy(), normalization=None
    )
    pixels, likeness = _refined(recorded, predicted, weight, np.asarray(coarse, float))
    if not likeness >= LEAST_LIKENESS:
        return np.full(2, np.nan)
    return pixels * setup.pixel_size_um


def _refined(
    recorded: Tensor, predicted: Tensor, weight: Tensor, start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Shift (px) by weighted least squares from a start within a fringe, and the correlation.

    Unknown pixels have no weight, and what the prediction misses (dust, wrapped cells) has little:
    either lies at one place in all exposures, and would hold them together.
    """
    spectrum, shape = torch.fft.fft2(predicted), (recorded.shape[0], recorded.shape[1])
    shift, likeness = start, 0.0
    for _ in range(STEPS):
        y, x = shift.tolist()
        ramp = shift_transfer(shape, 1.0, (y, x), device=recorded.device)
        moved = ifft2(spectrum * ramp).real
        gap = recorded - moved
        spread = float(gap[weight > 0].abs().median()) * MAD_TO_SD + TINY
        fair = weight / (1 + (gap / (OUTLIER_SDS * spread)) ** 2)
        slopes = torch.stack(torch.gradient(moved))
        system = torch.einsum("ayx,byx,yx->ab", slopes, slopes, fair).double().cpu().numpy()
        towards = torch.einsum("ayx,yx,yx->a", slopes, gap, fair).double().cpu().numpy()
        step = -np.linalg.lstsq(system, towards)[0]
        shift = shift + np.clip(step, -1.0, 1.0)
        powers = (weight * recorded**2).sum() * (weight * moved**2).sum()
        likeness = float((weight * recorded * moved).sum() / powers.sqrt().clamp(min=TINY))
    return shift, likeness
