"""What networks that know the truth would draw."""

import torch

from lensfree_nb.quantify.discs import disc_pixels
from lensfree_nb.quantify.peaks import local_maxima


def true_centres(truth):
    """Pixels of the cells of one patch."""
    return local_maxima(truth[0], least=0.9, apart_px=1)


def true_discs(truth, metrics):
    """Measurements on discs around the pixels of the cells (n, metric, y, x), 0 elsewhere."""
    drawn = torch.zeros_like(truth[:, 1 : 1 + metrics])
    for right, image in zip(truth, drawn, strict=True):
        centres = true_centres(right)
        place, owner = disc_pixels(centres, right.shape[1:])
        image.flatten(1)[:, place] = right[1 : 1 + metrics, *centres[owner].T].nan_to_num()
    return drawn
