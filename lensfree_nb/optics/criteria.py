"""Sharpness criteria of a back-propagated field: a higher value is a better focus.

Each takes complex fields (..., y, x) at the sample, background 1, and returns one number a field
(...). They are cheap, and all of them are deceived by the twin image: an in-line hologram of a
phase object has no plane where the back-propagated field alone is right. The inversion in
``reconstruct.focus`` is slower and is not deceived that way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

TINY = 1e-12
Criterion = Callable[[Tensor], Tensor]


def amplitude_contrast(field: Tensor) -> Tensor:
    """Variance of the amplitude over its squared mean.

    For absorbing objects. Fails on phase objects, whose contrast is *least* in focus.
    """
    amplitude = field.abs()
    mean = amplitude.mean((-2, -1)).clamp(min=TINY)
    return amplitude.var((-2, -1), correction=0) / mean**2


def amplitude_flatness(field: Tensor) -> Tensor:
    """The negative of :func:`amplitude_contrast`.

    For phase objects: a transparent object shows no amplitude contrast in focus (Dubois et al.,
    Opt. Express 14, 5895 (2006)). Fails on absorbing ones, and is biased by the twin image.
    """
    return -amplitude_contrast(field)


def tenengrad(field: Tensor) -> Tensor:
    """Mean squared gradient of the amplitude.

    For absorbing objects with edges. Fails on phase objects and, being a sum of squares, in noise.
    """
    return _gradient(field.abs()).square().mean((-2, -1))


def brenner(field: Tensor) -> Tensor:
    """Mean squared difference of the amplitude two pixels apart along x (Brenner 1976).

    Cheapest, and a little calmer in noise than :func:`tenengrad`. Blind to edges along x; fails on
    phase objects.
    """
    amplitude = field.abs()
    return (amplitude[..., 2:] - amplitude[..., :-2]).square().mean((-2, -1))


def tamura_of_gradient(field: Tensor) -> Tensor:
    """Tamura coefficient (root of SD over mean) of the complex gradient's modulus.

    Zhang et al., Opt. Lett. 42, 3824 (2017). For amplitude, phase and mixed objects that are
    sparse. Fails on crowded fields and where one speck of dust outweighs all cells.
    """
    edges = _gradient(field)
    mean = edges.mean((-2, -1)).clamp(min=TINY)
    return (edges.std((-2, -1), correction=0) / mean).sqrt()


def gini_of_gradient(field: Tensor) -> Tensor:
    """Gini index of the complex gradient's modulus, 0 (even) to 1 (one pixel).

    Hurley & Rickard, IEEE Trans. Inf. Theory 55, 4723 (2009); steadier against single bright
    specks than the Tamura coefficient. Slower (it sorts). Fails on crowded fields.
    """
    edges = _gradient(field).flatten(-2).sort(-1).values
    count = edges.shape[-1]
    rank = torch.arange(1, count + 1, dtype=edges.dtype, device=edges.device)
    weights = 1 - 2 * (count - rank + 0.5) / count
    return (edges * weights).sum(-1) / edges.sum(-1).clamp(min=TINY)


def log_spectrum(field: Tensor) -> Tensor:
    """Sum of the logarithm of the amplitude's spectrum, its mean removed.

    Langehanenberg et al., Appl. Opt. 47, D176 (2008). For absorbing objects; calm over a wide
    range. Fails on phase objects and on white noise, which fills the same spectrum everywhere.
    """
    amplitude = field.abs()
    amplitude = amplitude - amplitude.mean((-2, -1), keepdim=True)
    return torch.log1p(torch.fft.rfft2(amplitude).abs()).mean((-2, -1))


CRITERIA: Mapping[str, Criterion] = MappingProxyType(
    {
        "amplitude_contrast": amplitude_contrast,
        "amplitude_flatness": amplitude_flatness,
        "tenengrad": tenengrad,
        "brenner": brenner,
        "tamura_of_gradient": tamura_of_gradient,
        "gini_of_gradient": gini_of_gradient,
        "log_spectrum": log_spectrum,
    }
)


def _gradient(image: Tensor) -> Tensor:
    """Modulus of the forward difference, real or complex, one pixel smaller on each side."""
    down = image[..., 1:, :-1] - image[..., :-1, :-1]
    across = image[..., :-1, 1:] - image[..., :-1, :-1]
    return (down.abs().square() + across.abs().square()).sqrt()
