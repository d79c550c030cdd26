"""How sure a network must be of a cell: chosen on its validation, where precision meets recall."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lensfree_nb.evaluate.pairing import pair
from lensfree_nb.quantify.peaks import local_maxima
from lensfree_nb.quantify.reading import APART_PX

CANDIDATES: Final = tuple(round(0.05 * n, 2) for n in range(1, 16))
WITHIN_PX: Final = 6.0


def best_threshold(
    detection: Tensor, right: Tensor, *, sure: float = 0.6, border_px: int = 0
) -> float:
    """The detection from which on cells are best told from others (by F1).

    Parameters
    ----------
    detection : Tensor, shape (n, y, x)
        What a network draws of the validation, 0 to 1.
    right : Tensor, shape (n, y, x)
        What it should draw: maxima of at least `sure` are cells.
    border_px : int
        Nearer to the border neither counts: there a cell may be cut.

    Returns
    -------
    float
        Between 0.05 and 0.75; of thresholds equally good, the one in their middle.
    """
    found, height = _maxima(detection, CANDIDATES[0], border_px)
    truth, _ = _maxima(right, sure, border_px)
    scores = []
    for least in CANDIDATES:
        matched = pair(found[height >= least], truth, WITHIN_PX)
        both = matched.n_estimated + matched.n_reference
        scores.append(2 * len(matched.estimated) / both if both else 0.0)
    best = np.flatnonzero(np.isclose(scores, max(scores)))
    return CANDIDATES[int(best[len(best) // 2])]


def _maxima(
    images: Tensor, least: float, border_px: int
) -> tuple[pd.DataFrame, np.ndarray[tuple[int], np.dtype]]:
    """Maxima of all images as a table (in px), and how high they are."""
    last = torch.tensor(images.shape[1:], device=images.device) - 1 - border_px
    points = []
    for image in images:
        at = local_maxima(image, least=least, apart_px=APART_PX)
        points.append(at[((at >= border_px) & (at <= last)).all(1)])
    heights = [image[tuple(at.T)] for image, at in zip(images, points, strict=True)]
    table = pd.DataFrame(torch.cat(points).cpu().numpy(), columns=["y_um", "x_um"], dtype=float)
    frames = np.repeat(np.arange(len(points)), [len(at) for at in points])
    return table.assign(frame=frames), torch.cat(heights).cpu().numpy()
