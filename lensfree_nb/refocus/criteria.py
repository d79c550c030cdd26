"""Classical criteria of how sharp an image is: a higher value is a better focus.

Each takes images (..., y, x) and returns one number each (...), the same for any exposure. All of
them compare images of *one* place: a sparse field in focus scores below a crowded one out of it, so
that no threshold sorts images of different places. Noise is as lively as detail; images are
smoothed before they are judged (:func:`smoothed`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from lensfree_nb.optics import criteria as of_fields

TINY: Final = 1e-12
REACH: Final = 4
FINE_PX, COARSE_PX = 1.0, 2.0
LAPLACIAN: Final = (1.0, -2.0, 1.0)
SOBEL: Final = ((-0.5, 0.0, 0.5), (0.25, 0.5, 0.25))
Criterion = Callable[[Tensor], Tensor]


def brenner(image: Tensor) -> Tensor:
    """Mean squared difference two pixels apart, along x and along y, over the squared mean.

    Brenner et al., J. Histochem. Cytochem. 24, 100 (1976), along both axes. Rises without bound
    with noise; fails where the light itself is uneven over a few pixels.
    """
    found = of_fields.brenner(image) + of_fields.brenner(image.mT)
    return found / _light(image)


def tenengrad(image: Tensor) -> Tensor:
    """Mean squared gradient by Sobel's masks, over the squared mean (Tenenbaum 1970).

    Fails as :func:`brenner`, a little later in noise.
    """
    slope, across = (torch.tensor(mask, dtype=image.dtype, device=image.device) for mask in SOBEL)
    edges = [
        _along(_along(image, slope, along), across, beside).square().mean((-2, -1))
        for along, beside in ((-1, -2), (-2, -1))
    ]
    return sum(edges, torch.zeros_like(edges[0])) / _light(image)


def band_energy(image: Tensor) -> Tensor:
    """Energy of detail about 1 to 2 px across, over the squared mean.

    A difference of two Gaussians, an octave apart. Steadiest in noise and under uneven light; blind
    to detail that is coarser than its band, as in strongly magnified images.
    """
    band = smoothed(image, FINE_PX) - smoothed(image, COARSE_PX)
    return band.square().mean((-2, -1)) / _light(image)


def variance_of_laplacian(image: Tensor) -> Tensor:
    """Variance of the second differences, over the squared mean (Pech-Pacheco et al., 2000).

    Judges the finest detail alone: in phase contrast, where rings around cells sharpen as they
    leave the focus, it may rise on the wrong side.
    """
    kernel = torch.tensor(LAPLACIAN, dtype=image.dtype, device=image.device)
    inner = _along(image, kernel, -1)[..., 1:-1, :] + _along(image, kernel, -2)[..., 1:-1]
    return inner.var((-2, -1), correction=0) / _light(image)


def normalised_variance(image: Tensor) -> Tensor:
    """Variance over the squared mean (Sun et al., Microsc. Res. Tech. 65, 139 (2004)).

    For fluorescence and brightfield. Fails on phase contrast, whose halos are as strong out of
    focus as in it, and on uneven light.
    """
    return image.var((-2, -1), correction=0) / _light(image)


CRITERIA: Mapping[str, Criterion] = MappingProxyType(
    {
        "brenner": brenner,
        "tenengrad": tenengrad,
        "band_energy": band_energy,
        "variance_of_laplacian": variance_of_laplacian,
        "normalised_variance": normalised_variance,
    }
)


def smoothed(image: Tensor, sigma_px: float) -> Tensor:
    """Through a Gaussian of a standard deviation (px); mirrored at the border."""
    if sigma_px <= 0:
        return image
    reach = max(1, round(REACH * sigma_px))
    places = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (places / sigma_px) ** 2)
    kernel /= kernel.sum()
    found = image
    for axis in (-2, -1):
        found = _along(_mirrored(found, reach, axis), kernel, axis)
    return found


def _along(image: Tensor, kernel: Tensor, axis: int) -> Tensor:
    """Convolved along an axis; shorter by the kernel's length less one."""
    lines = image.movedim(axis, -1)
    made = conv1d(lines.reshape(-1, 1, lines.shape[-1]), kernel[None, None])
    return made.view(*lines.shape[:-1], -1).movedim(-1, axis)


def _mirrored(image: Tensor, reach: int, axis: int) -> Tensor:
    """Continued along an axis by its mirror image, of short ones by their end."""
    lines = image.movedim(axis, -1)
    mode = "reflect" if lines.shape[-1] > reach else "replicate"
    flat = lines.reshape(1, -1, lines.shape[-1])
    return pad(flat, (reach, reach), mode=mode).view(*lines.shape[:-1], -1).movedim(-1, axis)


def _light(image: Tensor) -> Tensor:
    return image.mean((-2, -1)).square().clamp(min=TINY)
