"""What a network drew of a frame, read: which cells there are, and what each of them measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from lensfree_nb.nets.header import GROWS, WEIGHTS
from lensfree_nb.quantify.channels import CHANNELS, MEASURES, Channels, detection
from lensfree_nb.quantify.discs import disc_pixels
from lensfree_nb.quantify.error_stretch import DENSITY, RESIDUAL, crowding, stretches
from lensfree_nb.quantify.gathering import gathered, vanished
from lensfree_nb.quantify.peaks import disc, local_maxima, over_discs
from lensfree_nb.quantify.representation import DISC_PX

APART_PX: Final = 3.0
# Where the paper's networks are read, which draw discs alone: across the middle of a disc, near it,
# and across what one may reach that lies a little off. And how much each counts unless it is told.
MIDDLE_PX, NEAR_PX, AROUND_PX = 3.0, 8.0, 2 * DISC_PX
EVEN: Final = (0.5, 0.0, 0.5)
# Of what is typical: whatever is found measures something, or it would be no disc in the maps.
LEAST_SAID: Final = 1e-3
UNSTRETCHED: Final[Mapping[str, Any]] = MappingProxyType({})


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


def read(
    drawn: Tensor, options: Mapping[str, Any], least: float, residual: float = math.nan
) -> Reading:
    """Cells and their measurements, of what a network drew of a frame.

    A cell is a local maximum of the detection; :func:`at_cells` says what it measures. The paper's
    networks draw discs alone: there it is a maximum of what they add up to about each pixel, and
    measures what they say by :func:`readings`, each as the network is told to weigh it.

    Parameters
    ----------
    drawn : Tensor, shape (output, y, x)
        Of the network.
    options : mapping
        Of the network: its task, metrics, and ``disc_weights``, ``se_factor`` or ``se_grows`` where
        it has them.
    least : float
        Detection (0 to 1) from which on there is a cell.
    residual : float
        Of the frame, where it is known (``quantify.error_stretch``).
    """
    if channels := CHANNELS.get(options["task"]):
        return measured(drawn, channels, least, options, residual)
    around = discs_around(drawn)
    found = covered(around)
    centres = local_maxima(found, least=least, apart_px=APART_PX)
    told = options.get(WEIGHTS, {})
    weights = torch.tensor([told.get(m, EVEN) for m in options["metrics"]], dtype=drawn.dtype)
    scale = torch.tensor([[MEASURES.scale[m]] for m in options["metrics"]], device=drawn.device)
    said = (readings(drawn, around, centres) * weights.to(drawn.device)[..., None]).sum(1)
    values = said.clamp(min=LEAST_SAID) * scale
    return Reading(found, centres, values, torch.full_like(values, math.nan))


def readings(drawn: Tensor, around: Tensor, centres: Tensor) -> Tensor:
    """What drawn discs say of cells: each metric, three times (metric, 3, n).

    What is highest in the middle, as the paper's local maxima have it, and what is drawn within 8
    px and within 12 px, as the value of a disc: a network that does not know where exactly one lies
    draws it low and wide, but no smaller. The widest reaches neighbours, too.

    Parameters
    ----------
    drawn, around : Tensor, shape (metric, y, x)
        Of the network, and what :func:`discs_around` makes of it.
    centres : Tensor of int64, shape (n, 2)
        Pixels of the cells.
    """
    added = (image[:, *centres.T] for image in (discs_around(drawn, NEAR_PX), around))
    return torch.stack([_highest(drawn, centres), *added], 1)


def discs_around(drawn: Tensor, across_px: float = AROUND_PX) -> Tensor:
    """What discs that are drawn (metric, y, x) add up to about each pixel, as values of one."""
    return over_discs(drawn, across_px) * float(disc(across_px).sum() / disc(DISC_PX).sum())


def covered(around: Tensor) -> Tensor:
    """How surely a disc lies about each pixel (y, x; 0 to 1), of what discs add up to there.

    Near to half where all metrics (metric, y, x) have one of a typical value; more where it is
    higher. Highest in the middle of a disc, wherever it lies between the pixels.
    """
    found = over_discs(around.mean(0, keepdim=True), DISC_PX)[0].clamp(min=0)
    return found / (1 + found)


def measured(
    drawn: Tensor,
    channels: Channels,
    least: float,
    options: Mapping[str, Any] = UNSTRETCHED,
    residual: float = math.nan,
) -> Reading:
    """As :func:`read`, of a network that draws detections, measurements and their errors.

    Parameters
    ----------
    drawn : Tensor, shape (channels.outputs, y, x)
        Of the network.
    channels : Channels
        What it draws.
    least : float
        Detection (0 to 1) from which on there is a cell.
    options : mapping
        Of the network: by how much its errors are to be stretched, if it says.
    residual : float
        Of the frame, where it is known.
    """
    found = detection(drawn)
    centres = local_maxima(found, least=least, apart_px=APART_PX)
    values, errors = channels.decoded(*at_cells(drawn, centres, channels))
    told: dict[str, ArrayLike] = {RESIDUAL: residual}
    if DENSITY in options.get(GROWS, {}):
        told[DENSITY] = crowding(centres, found.shape)
    errors = errors * torch.from_numpy(stretches(options, channels.metrics, told)).to(errors)
    if channels.moments > 1:
        errors[:, vanished(drawn[channels.on_discs :], centres, channels)] = math.inf
    return Reading(found, centres, values, errors)


def at_cells(drawn: Tensor, centres: Tensor, channels: Channels) -> tuple[Tensor, Tensor]:
    """What cells measure, as it is coded, and the logarithms of their errors (each metric, n).

    What a cell's own pixels add up to, as far as the network trusts that, and the mean of what it
    says on the disc. No gradient comes from these pixels: they are learned by themselves.

    Parameters
    ----------
    drawn : Tensor, shape (channels.outputs, y, x)
        Of the network.
    centres : Tensor of int64, shape (n, 2)
        Pixels of the cells' centroids.
    channels : Channels
        What was drawn.
    """
    said = _on_discs(drawn[1 : channels.on_discs], centres)
    count = len(channels.scale)
    added, log_se, share = said[:count], said[count : 2 * count], said[2 * count :]
    sums = channels.coded(gathered(drawn[channels.on_discs :].detach(), centres, channels))
    return added + share.sigmoid() * sums.to(added), log_se


def _on_discs(drawn: Tensor, centres: Tensor) -> Tensor:
    """Means (channel, n) over the discs of cells."""
    place, owner = disc_pixels(centres, (drawn.shape[1], drawn.shape[2]))
    values, count = drawn.flatten(1)[:, place], len(centres)
    total = torch.zeros(len(values), count, dtype=torch.float64, device=values.device)
    total.index_add_(1, owner, values.double())
    return (total / owner.bincount(minlength=count).clamp(min=1)).to(values)


def _highest(drawn: Tensor, centres: Tensor) -> Tensor:
    """Highest values (channel, n) about the middle of cells."""
    place, owner = disc_pixels(centres, (drawn.shape[1], drawn.shape[2]), MIDDLE_PX)
    highest = drawn.new_full((len(drawn), len(centres)), -math.inf)
    highest.scatter_reduce_(1, owner.expand(len(drawn), -1), drawn.flatten(1)[:, place], "amax")
    return highest
