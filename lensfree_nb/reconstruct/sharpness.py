"""Autofocus by sharpness: where the back-propagated field is sharpest, by a named criterion.

What other programs do, and quicker than ``reconstruct.focus``; but every criterion of
``optics.criteria`` is deceived by the twin image, each in its own way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks
from torch import Tensor

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.distance import sharpness_curve
from lensfree_nb.reconstruct.focus import Focus, lowest, only_exposure
from lensfree_nb.reconstruct.windows import flattened, liveliest_windows, middle_exposure

STEP = 0.02
WINDOW_PX, WINDOWS = 384, 2
LEAST_PROMINENCE = 1 / 3


def window_sharpness(
    hologram: Tensor, setup: Setup, distances_um: Sequence[float], criterion: str
) -> NDArray[np.float64]:
    """The criterion at each distance on one exposure; higher is sharper.

    Its mean over the liveliest windows of the frame.
    """
    middle = middle_exposure(hologram)
    windows = liveliest_windows(hologram[middle : middle + 1], WINDOW_PX, WINDOWS)
    one = only_exposure(setup, middle)
    curves = [sharpness_curve(flattened(w), one, distances_um, criterion) for w in windows]
    return np.asarray(np.mean(curves, axis=0))


def find_sharpest(
    hologram: Tensor, setup: Setup, range_um: tuple[float, float], criterion: str
) -> Focus:
    """One distance for all exposures (exposure, y, x), coarse to fine.

    The most prominent peak of the curve: what rises steadily towards an end of the range is no
    focus. Not found where no peak has a third of the curve's own range.
    """
    start, stop = range_um
    steps = max(5, math.ceil(math.log(stop / start) / math.log1p(STEP)) + 1)
    coarse = np.geomspace(start, stop, steps)
    curve = window_sharpness(hologram, setup, coarse.tolist(), criterion)
    peaks, shape = find_peaks(curve, prominence=LEAST_PROMINENCE * float(np.ptp(curve)))
    if not len(peaks):
        reason = f"{criterion} has no clear peak between {start:g} and {stop:g} um"
        return Focus(math.nan, coarse, curve, reason)
    best = int(peaks[np.argmax(shape["prominences"])])

    def blur(distance: float) -> float:
        return -float(window_sharpness(hologram, setup, [distance], criterion)[0])

    found = lowest(blur, float(coarse[best - 1]), float(coarse[best + 1]))
    return Focus(found, coarse, curve)
