"""Which pixels belong to cells: told by a classifier that learned from masks drawn by hand.

Features at several scales and trees, as ilastik has them (Berg et al., Nat. Methods 16, 1226
(2019)); learned from frames in focus alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from _real_images import frames, masks
from _seeds import TRAIN
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import HistGradientBoostingClassifier

PIXELS_EACH: Final = 4000
SIGMAS_PX: Final = (1.0, 16.0)
SMOOTHED_PX, LEAST = 2.0, 0.4
Segment = Callable[[NDArray[Any]], NDArray[np.bool_]]


def segmenter(folder: Path) -> Segment:
    """One that learned from the frames to train on."""
    rng = np.random.default_rng(TRAIN["segmentation"])
    shown, told = [], []
    for image, mask in zip(frames(folder, "train"), masks(folder, "train"), strict=True):
        chosen = rng.integers(image.size, size=PIXELS_EACH)
        shown.append(_features(image)[chosen])
        told.append(mask.ravel()[chosen] > 0)
    trees = HistGradientBoostingClassifier(random_state=TRAIN["segmentation"])
    trees.fit(np.concatenate(shown), np.concatenate(told))

    def cells(image: NDArray[Any]) -> NDArray[np.bool_]:
        sure = trees.predict_proba(_features(image))[:, 1].reshape(image.shape)
        found: NDArray[np.bool_] = gaussian_filter(sure, SMOOTHED_PX) > LEAST
        return found

    return cells


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Twice what both cover over what each covers."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def _features(image: NDArray[Any]) -> NDArray[np.floating]:
    flat = (image - image.mean()) / image.std()
    low, high = SIGMAS_PX
    made = multiscale_basic_features(flat, sigma_min=low, sigma_max=high)
    return made.reshape(-1, made.shape[-1])
