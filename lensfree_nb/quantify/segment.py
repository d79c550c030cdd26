"""Seeded growing: from one point a cell to its outline.

Each seed floods its surroundings down to a threshold between background and cell (Allier 2022
§2.3); where two cells touch, the watershed of the OPD divides them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import expand_labels, watershed

from lensfree_nb.quantify.detect import detect, one_a_hill

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.int32]
MAD_TO_SIGMA = 1.4826
CELL_SHARE, NOISE_SIGMAS = 0.2, 5.0


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


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame, or a window of one, made ready to be divided into cells.

    Parameters
    ----------
    height_nm : ndarray, shape (y, x)
        OPD above the frame's background (nm), 0 where unknown.
    relief_nm : ndarray, shape (y, x)
        The same, smoothed: what seeds flood.
    known : ndarray of bool, shape (y, x)
        Where the OPD is known.
    seeds_px : ndarray, shape (n, 2)
        One point a cell (row, column; px).
    threshold_nm : float
        The height at which cells end, the same over the whole frame.
    pixel_size_um : float
        Pixel pitch (µm).
    settings : Settings
        The pipeline's numbers.
    """

    height_nm: Floats
    relief_nm: Floats
    known: NDArray[np.bool_]
    seeds_px: Floats
    threshold_nm: float
    pixel_size_um: float
    settings: Settings

    def window(self, part: tuple[slice, slice]) -> Scene:
        """A window of the frame: nothing is estimated anew, so a cell looks the same in it."""
        corner = np.array([side.start for side in part], float)
        size = [side.stop - side.start for side in part]
        moved = self.seeds_px - corner
        inside = ((moved >= -0.5) & (moved < np.array(size) - 0.5)).all(axis=1)
        return replace(
            self,
            height_nm=self.height_nm[part],
            relief_nm=self.relief_nm[part],
            known=self.known[part],
            seeds_px=moved[inside],
        )


def scene_of(opd_nm: Floats, pixel_size_um: float, settings: Settings) -> Scene:
    """Background, cells and threshold of one frame (y, x; nm, NaN where unknown)."""
    known = np.isfinite(opd_nm)
    if not known.any():
        empty = np.zeros(opd_nm.shape)
        return Scene(empty, empty, known, np.empty((0, 2)), np.inf, pixel_size_um, settings)
    level, noise = background_of(opd_nm)
    height = np.where(known, opd_nm - level, 0.0)
    diameter_px = settings.cell_diameter_um / pixel_size_um
    relief = ndimage.gaussian_filter(height, diameter_px / 6)
    seeds = one_a_hill(detect(height, diameter_px, settings.quality_nm), relief)
    # A sub-pixel maximum may lie on the outer rim of the frame: its cell belongs to the frame.
    seeds = np.clip(seeds, 0.0, np.array(opd_nm.shape) - 1.0)
    threshold = settings.threshold_nm
    if threshold is None:
        tops = height[_pixels(seeds, height.shape)] if len(seeds) else np.zeros(1)
        threshold = max(CELL_SHARE * float(np.median(tops)), NOISE_SIGMAS * noise)
    return Scene(height, relief, known, seeds, threshold, pixel_size_um, settings)


def segment_scene(scene: Scene) -> Labels:
    """Labels (0 is background) of the cells of a frame or window."""
    shape = scene.known.shape
    markers = np.zeros(shape, np.int32)
    markers[_pixels(scene.seeds_px, shape)] = np.arange(1, len(scene.seeds_px) + 1)
    mask = scene.known & ndimage.binary_fill_holes(scene.height_nm > scene.threshold_nm)
    labels = watershed(-scene.relief_nm, markers, mask=mask)
    smallest = max(1, round(scene.settings.min_area_um2 / scene.pixel_size_um**2))
    kept = np.bincount(labels.ravel())[labels] >= smallest
    return _renumbered(np.where(kept, labels, 0))


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
    return segment_scene(scene_of(opd_nm, pixel_size_um, settings))


def skirt(labels: Labels, scene: Scene) -> Labels:
    """Labels widened by ``skirt_um`` into the background, never into a neighbour."""
    return np.asarray(
        expand_labels(labels, scene.settings.skirt_um / scene.pixel_size_um), np.int32
    )


def _pixels(seeds: Floats, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], ...]:
    # A sub-pixel maximum on the last row may round to one beyond it.
    nearest = np.clip(np.round(seeds).astype(np.intp), 0, np.array(shape) - 1)
    return tuple(nearest.T)


def _renumbered(labels: NDArray[Any]) -> Labels:
    present = np.unique(labels)
    return np.searchsorted(present[present > 0], labels, side="left").astype(np.int32) + (
        labels > 0
    ).astype(np.int32)
