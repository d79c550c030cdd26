"""What a network is shown of a short inversion and of the data behind it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lensfree_nb.nets.units import OPD_UNIT_NM
from lensfree_nb.reconstruct.misfit import Misfit


def network_input(
    misfit: Misfit, phase: Tensor, absorption: Tensor, order: Sequence[int] | None = None
) -> Tensor:
    """Channels over the sensor's frame.

    The estimate alone does not tell which way the data would have it: each exposure's field at the
    sample, made with the amplitude that was recorded, does (the back-projection of Gerchberg and
    Saxton). Where a cell is thicker than half a wavelength the colours' fields disagree.

    Parameters
    ----------
    misfit : Misfit
        The data.
    phase, absorption : Tensor
        On the padded field, phase in rad.
    order : sequence of int, optional
        Which exposure comes first, which next; as they are without it.

    Returns
    -------
    Tensor, shape (2 + 2 exposures, y, x), float32
        OPD (100 nm), absorption, and for each exposure the real part of its corrected field, less
        1, and the imaginary part.
    """
    channels = [
        misfit.crop(phase) * (misfit.opd_nm_a_rad / OPD_UNIT_NM),
        misfit.crop(absorption).clone(),
    ]
    fields = [misfit.crop(field).clone() for field in misfit.corrected(phase, absorption)]
    for exposure in range(len(fields)) if order is None else order:
        channels += [fields[exposure].real - 1, fields[exposure].imag]
    return torch.stack(channels)
