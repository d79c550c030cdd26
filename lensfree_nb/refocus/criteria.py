"""Classical criteria of how sharp an image is: a higher value is a better focus.

Each takes an image (y, x) and returns one number, the same for any exposure. All of them compare
images of *one* place: a sparse field in focus scores below a crowded one out of it, so that no
threshold sorts images of different places. Noise is as lively as detail: smooth images first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.floating[Any]]
Criterion = Callable[[Floats], float]
TINY: Final = 1e-12
FINE_PX, COARSE_PX = 1.0, 2.0
# Sobel's masks add up four differences of pixels two apart.
OF_SOBEL: Final = 8.0
INNER: Final = (slice(1, -1), slice(1, -1))


def brenner(image: Floats) -> float:
    """Mean squared difference two pixels apart, along x and along y, over the squared mean.

    Brenner et al., J. Histochem. Cytochem. 24, 100 (1976), along both axes. Rises without bound
    with noise; fails where the light itself is uneven over a few pixels.
    """
    apart = (image[2:] - image[:-2], image[:, 2:] - image[:, :-2])
    return _over_light(sum(float(np.mean(part**2)) for part in apart), image)


def tenengrad(image: Floats) -> float:
    """Mean squared gradient by Sobel's masks, over the squared mean (Tenenbaum 1970).

    Fails as :func:`brenner`, a little later in noise.
    """
    slopes = (ndimage.sobel(image, axis)[INNER] / OF_SOBEL for axis in (0, 1))
    return _over_light(sum(float(np.mean(slope**2)) for slope in slopes), image)


def band_energy(image: Floats) -> float:
    """Energy of detail about 1 to 2 px across, over the squared mean.

    A difference of two Gaussians, an octave apart. Steadiest in noise and under uneven light; blind
    to detail that is coarser than its band, as in strongly magnified images.
    """
    fine, coarse = (ndimage.gaussian_filter(image, s, mode="mirror") for s in (FINE_PX, COARSE_PX))
    return _over_light(float(np.mean((fine - coarse) ** 2)), image)


def variance_of_laplacian(image: Floats) -> float:
    """Variance of the second differences, over the squared mean (Pech-Pacheco et al., 2000).

    Judges the finest detail alone: in phase contrast, where rings around cells sharpen as they
    leave the focus, it may rise on the wrong side.
    """
    return _over_light(float(np.var(ndimage.laplace(image)[INNER])), image)


def normalised_variance(image: Floats) -> float:
    """Variance over the squared mean (Sun et al., Microsc. Res. Tech. 65, 139 (2004)).

    For fluorescence and brightfield. Fails on phase contrast, whose halos are as strong out of
    focus as in it, and on uneven light.
    """
    return _over_light(float(np.var(image)), image)


CRITERIA: Mapping[str, Criterion] = MappingProxyType(
    {
        "brenner": brenner,
        "tenengrad": tenengrad,
        "band_energy": band_energy,
        "variance_of_laplacian": variance_of_laplacian,
        "normalised_variance": normalised_variance,
    }
)


def _over_light(value: float, image: Floats) -> float:
    return value / max(float(np.mean(image)) ** 2, TINY)
