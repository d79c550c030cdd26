"""Richardson and Lucy's deconvolution, the baseline that networks are to beat (Xue 2021, §2.6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from skimage.restoration import richardson_lucy

from lensfree_nb.checks import check_count, check_number
from lensfree_nb.errors import DataError, DimensionError
from lensfree_nb.provenance import provenance
from lensfree_nb.refocus.images import FRAME, image_of

SIGMAS_PX: Final = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
ITERATIONS: Final = (5, 10, 20, 40)
WIDEST_PX, REACH = 100.0, 4.0
Floats = NDArray[np.float64]


class Psf(NamedTuple):
    """A Gaussian point spread function and how often it was applied, with the likeness reached."""

    sigma_px: float
    iterations: int
    ssim: float


def gaussian_psf(sigma_px: float) -> Floats:
    """Of light from one point (y, x), four standard deviations to each side; its sum is 1."""
    reach = max(1, math.ceil(REACH * sigma_px))
    at = np.arange(-reach, reach + 1)
    line = np.exp(-0.5 * (at / sigma_px) ** 2)
    line /= line.sum()
    return np.outer(line, line)


def deconvolved(image: NDArray[Any], sigma_px: float, iterations: int) -> Floats:
    """One image (y, x), mirrored at its border; light is not negative (Richardson 1972, Lucy 1974).

    Where it is unknown (NaN) it counts as its mean, and stays unknown.
    """
    known = np.isfinite(image)
    if not known.any():
        return np.full(image.shape, np.nan)
    level = float(np.mean(image, where=known, dtype=np.float64))
    light = np.where(known, image, level).astype(np.float64).clip(min=0)
    scale = float(light.max()) or 1.0
    psf = gaussian_psf(sigma_px)
    # As far as light of a border pixel came from, and what it was shared with.
    around = [min(n - 1, 2 * psf.shape[0]) for n in light.shape]
    wide = np.pad(light / scale, [(n, n) for n in around], mode="reflect")
    found = richardson_lucy(wide, psf, num_iter=iterations, clip=False, filter_epsilon=1e-6)
    inner = tuple(slice(n, n + size) for n, size in zip(around, light.shape, strict=True))
    return np.where(known, found[inner] * scale, np.nan)


def find_psf(
    blurred: Sequence[NDArray[Any]],
    focused: Sequence[NDArray[Any]],
    *,
    data_range: float,
    sigmas_px: Sequence[float] = SIGMAS_PX,
    iterations: Sequence[int] = ITERATIONS,
) -> Psf:
    """The width and the number of iterations that make blurred images most like focused ones.

    Parameters
    ----------
    blurred, focused : sequence of ndarray (y, x)
        Pairs on one scale.
    data_range : float
        Of that scale, for SSIM.
    sigmas_px, iterations
        What is tried, each with each.

    Returns
    -------
    Psf
        The best, and the mean SSIM that it reaches.

    Raises
    ------
    DataError
        If there are no pairs.
    DimensionError
        If a pair differs in shape.
    ParameterError
        If a width or number cannot be.
    """
    if not blurred or len(blurred) != len(focused):
        raise DataError(f"there are {len(blurred)} blurred and {len(focused)} focused images")
    for one, other in zip(blurred, focused, strict=True):
        if one.shape != other.shape or one.ndim != 2:
            raise DimensionError(f"a pair has shapes {one.shape} and {other.shape}; give (y, x)")
    check_number("data_range", data_range, open_low=True)
    for sigma, many in product(sigmas_px, iterations):
        _check_psf(sigma, many)

    def likeness(sigma_px: float, many: int) -> float:
        alike = (
            structural_similarity(deconvolved(a, sigma_px, many), b, data_range=data_range)
            for a, b in zip(blurred, focused, strict=True)
        )
        return float(np.mean(list(alike)))

    tried = [Psf(s, n, likeness(s, n)) for s, n in product(sigmas_px, iterations)]
    return max(tried, key=lambda one: one.ssim)


def deconvolve(ds: xr.Dataset, *, sigma_px: float = 2.0, iterations: int = 20) -> xr.Dataset:
    """Richardson and Lucy's deconvolution of every image by a Gaussian.

    A baseline: of phase contrast, where defocus turns contrast round, hardly anything is restored.

    Parameters
    ----------
    ds : Dataset
        With ``image`` ([position or time,] [channel,] y, x), on a scale whose 0 is darkness.
    sigma_px : float
        Standard deviation (px) of the point spread function; :func:`find_psf` finds one.
    iterations : int
        How often.

    Returns
    -------
    Dataset
        `ds` with ``restored``, on the scale and with the dims of ``image`` (float32). Lazy where
        the images are.

    Raises
    ------
    DimensionError, DataError, ParameterError
        If there are no images, or the width or the number cannot be.
    """
    image = image_of(ds)
    _check_psf(sigma_px, iterations)
    found = xr.apply_ufunc(
        partial(_each_channel, sigma_px=sigma_px, iterations=iterations), image,
        input_core_dims=[FRAME], output_core_dims=[FRAME], vectorize=True, dask="parallelized",
        output_dtypes=[np.float32], dask_gufunc_kwargs={"allow_rechunk": True},
    )  # fmt: skip
    dims = ds["image"].dims
    drawn = (found if "channel" in dims else found.isel(channel=0)).transpose(*dims)
    said = {**ds["image"].attrs, "long_name": "image, deconvolved (Richardson and Lucy)"}
    kept = ds.drop_vars("was_restored", errors="ignore")
    return kept.assign(restored=drawn.reset_coords(drop=True).assign_attrs(said)).assign_attrs(
        provenance(ds, "deconvolve", sigma_px=sigma_px, iterations=iterations)
    )


def _check_psf(sigma_px: float, iterations: int) -> None:
    check_number("sigma_px", sigma_px, high=WIDEST_PX, open_low=True)
    check_count("iterations", iterations, 1)


def _each_channel(image: NDArray[Any], *, sigma_px: float, iterations: int) -> NDArray[np.float32]:
    drawn = [deconvolved(each, sigma_px, iterations) for each in image]
    return np.stack(drawn).astype(np.float32)
