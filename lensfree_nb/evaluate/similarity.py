"""How alike two images are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

Floats = NDArray[np.floating[Any]]


def rmse(image: Floats, reference: Floats, *, remove_offset: bool = False) -> float:
    """Root mean square difference, in the images' unit.

    >>> rmse(np.array([1.0, 3.0]), np.array([0.0, 0.0]), remove_offset=True)
    1.0
    """
    difference = np.asarray(image, float) - reference
    if remove_offset:
        difference = difference - difference.mean()
    return float(np.sqrt(np.mean(difference**2)))


def ssim(image: Floats, reference: Floats, *, data_range: float) -> float:
    """Structural similarity; `data_range` must be stated, since the score hangs on it."""
    return float(structural_similarity(image, reference, data_range=data_range))


def detail_correlation(image: Floats, reference: Floats, *, background_px: float = 20.0) -> float:
    """Pearson correlation after removing the slow background (Gaussian, standard deviation px)."""
    a, b = (
        np.asarray(x, float) - gaussian_filter(np.asarray(x, float), background_px)
        for x in (image, reference)
    )
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
