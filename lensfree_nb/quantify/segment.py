"""Seeded growing: from one point a cell to its outline.

Each seed floods its surroundings down to a threshold between background and cell (Allier 2022
§2.3); where two cells touch, the watershed of the OPD divides them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import expand_labels, watershed

from lensfree_nb.quantify.detect import detect

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.int32]
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Settings:
    """Numbers of the standard pipeline, in the units of the sample.

    Parameters
    ----------
    cell_diameter_um : float
        Expected width of a cell (the short one, if elongated).
    quality_nm : float
        Least LoG response of a detection.
    threshold_nm : float, optional
        Where a cell ends, above the background; by default a fifth of the frame's typical cell
        height, and never within five standard deviations of the background's noise.
    min_area_um2 : float
        Smaller objects are debris.
    skirt_um : float
        How far beyond the outline the dry mass is still gathered.
    """

    cell_diameter_um: float = 20.0
    quality_nm: float = 10.0
    threshold_nm: float | None = None
    min_area_um2: float = 80.0
    skirt_um: float = 5.0


def background_of(opd_nm: Floats) -> tuple[float, float]:
    """Level and noise (nm) of the background: median and MAD of its lower half's mirror image.

    The background is the lowest large population of a frame; its mode is found by repeatedly
    taking the median of what does not rise above it by more than its own noise.
    """
    values = opd_nm[np.isfinite(opd_nm)]
    for _ in range(5):
        level = float(np.median(values))
        noise = MAD_TO_SIGMA * float(np.median(np.abs(values - level)))
        kept = values[values <= level + 3 * max(noise, 0.1)]
        if len(kept) == len(values):
            break
        values = kept
    return level, noise


def threshold_of(opd_nm: Floats, seeds: Floats, noise_nm: float, settings: Settings) -> float:
    """The height above the background (nm) at which cells end in this frame."""
    if settings.threshold_nm is not None:
        return settings.threshold_nm
    if not len(seeds):
        return 5 * noise_nm
    return max(0.2 * float(np.median(opd_nm[_pixels(seeds, opd_nm.shape)])), 5 * noise_nm)


def segment_frame(opd_nm: Floats, pixel_size_um: float, settings: Settings) -> Labels:
    """Labels (0 is background) of the cells of one frame.

    Parameters
    ----------
    opd_nm : ndarray, shape (y, x)
        NaN where unknown.
    pixel_size_um : float
        Pixel pitch (µm).
    settings : Settings
        The pipeline's numbers.
    """
    known = np.isfinite(opd_nm)
    if not known.any():
        return np.zeros(opd_nm.shape, np.int32)
    level, noise = background_of(opd_nm)
    height = np.where(known, opd_nm - level, 0.0)
    seeds = detect(height, settings.cell_diameter_um / pixel_size_um, settings.quality_nm)
    mask = known & (height > threshold_of(height, seeds, noise, settings))
    markers = np.zeros(opd_nm.shape, np.int32)
    markers[_pixels(seeds, opd_nm.shape)] = np.arange(1, len(seeds) + 1)
    smooth = ndimage.gaussian_filter(height, settings.cell_diameter_um / pixel_size_um / 6)
    labels = watershed(-smooth, markers, mask=ndimage.binary_fill_holes(mask) & known)
    smallest = max(1, round(settings.min_area_um2 / pixel_size_um**2))
    kept = np.bincount(labels.ravel())[labels] >= smallest
    return _renumbered(np.where(kept, labels, 0))


def skirt(labels: Labels, pixel_size_um: float, settings: Settings) -> Labels:
    """Labels widened by ``skirt_um`` into the background, never into a neighbour."""
    return np.asarray(expand_labels(labels, settings.skirt_um / pixel_size_um), np.int32)


def _pixels(seeds: Floats, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], ...]:
    # A sub-pixel maximum on the last row may round to one beyond it.
    nearest = np.clip(np.round(seeds).astype(np.intp), 0, np.array(shape) - 1)
    return tuple(nearest.T)


def _renumbered(labels: NDArray[Any]) -> Labels:
    present = np.unique(labels)
    return np.searchsorted(present[present > 0], labels, side="left").astype(np.int32) + (
        labels > 0
    ).astype(np.int32)
