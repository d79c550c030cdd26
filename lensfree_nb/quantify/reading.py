"""What a network drew of a frame, read: which cells there are, and what each of them measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from lensfree_nb.quantify.channels import CHANNELS, MEASURES, detection
from lensfree_nb.quantify.discs import disc_pixels
from lensfree_nb.quantify.peaks import local_maxima, over_discs
from lensfree_nb.quantify.representation import DISC_PX

APART_PX: Final = 3.0


@dataclass(frozen=True)
class Reading:
    """The cells that a network drew, on its device.

    Parameters
    ----------
    detection : Tensor, shape (y, x)
        How surely a cell's centroid lies at each pixel, 0 to 1.
    centres : Tensor of int64, shape (n, 2)
        The pixel of each cell.
    values, errors : Tensor, shape (metric, n)
        Measurements in their units, and standard errors: NaN of a network that tells none.
    """

    detection: Tensor
    centres: Tensor
    values: Tensor
    errors: Tensor

    def maps(self, disc_px: float = DISC_PX) -> tuple[Tensor, Tensor]:
        """Values and standard errors on the cells' discs, 0 elsewhere (each metric, y, x)."""
        shape = self.detection.shape
        place, owner = disc_pixels(self.centres, (shape[0], shape[1]), disc_px)
        drawn = torch.zeros(2, len(self.values), shape[0] * shape[1], device=place.device)
        drawn[0][:, place], drawn[1][:, place] = self.values[:, owner], self.errors[:, owner]
        first, second = drawn.reshape(2, -1, *shape)
        return first, second


def read(drawn: Tensor, options: Mapping[str, Any], least: float) -> Reading:
    """Cells and their measurements, of what a network drew of a frame.

    A cell is a local maximum of the detection; what it measures is the mean over its disc.

    Parameters
    ----------
    drawn : Tensor, shape (output, y, x)
        Of the network.
    options : mapping
        Of the network: its task, metrics, and by how much its errors are to be stretched.
    least : float
        Detection (0 to 1) from which on there is a cell.
    """
    shape = (drawn.shape[1], drawn.shape[2])
    channels = CHANNELS.get(options["task"])
    if channels:
        found = detection(drawn)
        centres = local_maxima(found, least=least, apart_px=APART_PX)
    else:
        # The paper's networks draw the discs alone: where all metrics have one there is a cell.
        found = over_discs(drawn.mean(0, keepdim=True), DISC_PX)[0].clamp(0, 1)
        centres = local_maxima(found, least=least, apart_px=APART_PX)
    place, owner = disc_pixels(centres, shape)
    on_discs = _means(drawn.flatten(1)[:, place], owner, len(centres))
    if not channels:
        scale = [MEASURES.scale[metric] for metric in options["metrics"]]
        typical = torch.tensor(scale, device=drawn.device)
        values = on_discs * typical[:, None]
        return Reading(found, centres, values, torch.full_like(values, math.nan))
    values, errors = channels.decoded(on_discs)
    stretch = [float(options.get("se_factor", {}).get(m, 1.0)) for m in channels.metrics]
    return Reading(found, centres, values, errors * torch.tensor(stretch)[:, None].to(errors))


def _means(values: Tensor, owner: Tensor, count: int) -> Tensor:
    """Means (channel, n) of what lies on the discs (channel, m)."""
    total = torch.zeros(len(values), count, dtype=torch.float64, device=values.device)
    total.index_add_(1, owner, values.double())
    return (total / owner.bincount(minlength=count).clamp(min=1)).to(values)
