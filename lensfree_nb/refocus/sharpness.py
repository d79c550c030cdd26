"""``sharpness``: how sharp each image is by a classical criterion."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from lensfree_nb.checks import check_choice, check_number
from lensfree_nb.provenance import provenance
from lensfree_nb.refocus.criteria import CRITERIA
from lensfree_nb.refocus.images import FRAME, image_of

SMOOTHING_PX: Final = 1.0
MOST_SMOOTHING_PX: Final = 50.0


def sharpness(
    ds: xr.Dataset, criterion: str = "tenengrad", *, smoothing_px: float = SMOOTHING_PX
) -> xr.DataArray:
    """How sharp each image is, to compare images of one place: the highest is the sharpest.

    Parameters
    ----------
    ds : Dataset
        With ``image`` ([position or time,] [channel,] y, x), on a scale whose 0 is darkness;
        unknown pixels (NaN) count as the image's mean.
    criterion : {"brenner", "tenengrad", "band_energy", "variance_of_laplacian", \
"normalised_variance"}
        Of :mod:`lensfree_nb.refocus.criteria`, which says what each fails on.
    smoothing_px : float
        Standard deviation (px) of the Gaussian that images are smoothed by before.

    Returns
    -------
    DataArray
        ``sharpness`` ([position or time]; dimensionless, the mean over channels); NaN of an image
        without a known pixel. Lazy where the images are.

    Raises
    ------
    DimensionError, DataError, ParameterError
        If there are no images, no such criterion, or the smoothing is no length.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((1, 64, 64))
    >>> flat = np.full_like(image, image.mean())
    >>> ds = xr.Dataset({"image": (("position", "y", "x"), np.concatenate([image, flat]))})
    >>> [bool(value > 0) for value in sharpness(ds, "band_energy").round(9)]
    [True, False]
    """
    image = image_of(ds)
    check_choice("criterion", criterion, CRITERIA)
    check_number("smoothing_px", smoothing_px, high=MOST_SMOOTHING_PX)
    found: xr.DataArray = xr.apply_ufunc(
        _sharpness, image,
        kwargs={"criterion": criterion, "smoothing_px": smoothing_px},
        input_core_dims=[FRAME], vectorize=True, dask="parallelized", output_dtypes=[np.float64],
        dask_gufunc_kwargs={"allow_rechunk": True},
    )  # fmt: skip
    said = provenance(ds, "sharpness", criterion=criterion, smoothing_px=smoothing_px)
    attrs = {"units": "1", "long_name": f"sharpness ({criterion.replace('_', ' ')})"}
    return found.rename("sharpness").assign_attrs(attrs | {"provenance": said["provenance"]})


def _sharpness(image: NDArray[Any], criterion: str, smoothing_px: float) -> float:
    """Of one image (channel, y, x)."""
    known = np.isfinite(image)
    if not known.any():
        return float("nan")
    level = np.mean(image, where=known, dtype=np.float64)
    whole = np.where(known, image, level).astype(np.float64)
    smooth = (ndimage.gaussian_filter(each, smoothing_px, mode="mirror") for each in whole)
    return float(np.mean([CRITERIA[criterion](each) for each in smooth]))
