"""Off-axis holograms: the field behind the carrier fringes, and its optical path difference.

Fourier demodulation (Takeda et al., J. Opt. Soc. Am. 72, 156 (1982); Cuche et al., Appl. Opt. 39,
4070 (2000)): one sideband of the spectrum is cut out and moved to the origin.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.fft import fft2, fftfreq, ifft2, next_fast_len
from scipy.optimize import minimize

from lensfree_nb.errors import DataError, DimensionError, ParameterError
from lensfree_nb.io.from_opd import from_opd
from lensfree_nb.provenance import provenance
from lensfree_nb.units import dequantified, floats

Array = npt.NDArray[Any]

_LOWEST_CARRIER: Final = 0.05  # cycles a pixel; below it, the sideband drowns in the object's own
_CONTRAST: Final = 8.0
_BORDER_SHARE: Final = 0.05


def find_carrier(hologram: Array) -> tuple[float, float]:
    """Carrier frequency ``(fy, fx)`` in cycles a pixel, to a fraction of a frequency step.

    Of the two sidebands the one with ``fx > 0`` (``fy > 0`` where fx is 0) is taken.

    Raises
    ------
    DataError
        If no sideband stands out.
    """
    height, width = hologram.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    detail = (hologram - hologram.mean()) * window
    shape = tuple(next_fast_len(2 * size) for size in hologram.shape)
    power = np.abs(fft2(detail, shape))
    fy, fx = np.meshgrid(fftfreq(shape[0]), fftfreq(shape[1]), indexing="ij")
    radius = np.hypot(fy, fx)
    candidates = (radius > _LOWEST_CARRIER) & ((fx > 0) | ((fx == 0) & (fy > 0)))
    peak = np.where(candidates, power, 0.0)
    row, column = np.unravel_index(int(peak.argmax()), shape)
    if not peak.max() > _CONTRAST * float(np.median(power[candidates])):
        raise DataError(
            "hologram has no sideband that stands out of its spectrum; an off-axis hologram shows "
            "straight fringes: check that it is one, or give sideband=(fy, fx) in cycles a pixel"
        )
    start = np.array([fy[row, column], fx[row, column]])
    y, x = np.arange(height), np.arange(width)

    def minus_power(frequency: Array) -> float:
        rows = np.exp(-2j * np.pi * frequency[0] * y)
        columns = np.exp(-2j * np.pi * frequency[1] * x)
        return -float(np.abs(rows @ detail @ columns)) / float(power.max())

    simplex = start + np.array([[0, 0], [0.5 / shape[0], 0], [0, 0.5 / shape[1]]])
    fine = minimize(
        minus_power,
        start,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 1e-7},
    ).x
    return float(fine[0]), float(fine[1])


def demodulate(
    hologram: Array,
    *,
    sideband: tuple[float, float] | None = None,
    filter_size: float = 1 / 3,
) -> Array:
    """Complex field of an off-axis hologram, the carrier removed.

    Parameters
    ----------
    hologram : array, shape (y, x)
        Intensity.
    sideband : (float, float), optional
        Carrier frequency ``(fy, fx)``, cycles a pixel; found when not given. The other
        sideband, with both signs changed, gives the conjugate field.
    filter_size : float
        Radius of the smooth disc cut out of the spectrum, as a fraction of the carrier frequency.
        1/3 keeps clear of the object's autocorrelation.

    Returns
    -------
    array of complex128, shape (y, x)

    Raises
    ------
    DimensionError, DataError, ParameterError
        If it is no finite image, has no sideband, or the filter is larger than the carrier.
    """
    image = np.asarray(hologram, np.float64)
    if image.ndim != 2:
        raise DimensionError(f"hologram has shape {image.shape}; demodulate takes one (y, x)")
    if not np.isfinite(image).all():
        raise DataError("hologram holds NaN or infinite values; fill unknown pixels first")
    if not 0 < filter_size < 1:
        raise ParameterError(f"filter_size is {filter_size}; it must lie between 0 and 1")
    carrier = find_carrier(image) if sideband is None else sideband
    if not 0 < np.hypot(*carrier) <= np.hypot(0.5, 0.5):
        raise ParameterError(f"sideband is {carrier}; give (fy, fx) in cycles a pixel, within 0.5")
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    moved = (image - image.mean()) * np.exp(-2j * np.pi * (carrier[0] * y + carrier[1] * x))
    # Mirrored margins: after demodulation the field is smooth, so its mirror image is as well,
    # while the spectrum's own period would join opposite edges.
    margin = [size // 4 for size in image.shape]
    padded = np.pad(moved, [(m, m) for m in margin], mode="symmetric")
    spectrum = fft2(padded)
    radius = np.hypot(fftfreq(padded.shape[0])[:, None], fftfreq(padded.shape[1])[None, :])
    edge = filter_size * float(np.hypot(*carrier))
    keep = np.clip((edge - radius) / (0.2 * edge) + 0.5, 0, 1)
    field = ifft2(spectrum * (0.5 - 0.5 * np.cos(np.pi * keep)))
    result: Array = field[margin[0] : -margin[0] or None, margin[1] : -margin[1] or None]
    return result


def unwrapped_phase(field: Array, *, level: bool = True) -> Array:
    """Unwrapped phase (rad) of a field, levelled to 0 on its background.

    Unwrapped by skimage (Herraez et al., Appl. Opt. 41, 7437 (2002)); a plane is fitted
    to the border (the outer 5 %) by least absolute deviations, so that a cell which touches the
    border does not tilt it.
    """
    from skimage.restoration import unwrap_phase

    phase: Array = np.asarray(unwrap_phase(np.angle(field)), np.float64)
    if not level:
        return phase
    height, width = phase.shape
    depth = max(2, round(_BORDER_SHARE * min(height, width)))
    border = np.ones(phase.shape, bool)
    border[depth:-depth, depth:-depth] = False
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    design = np.stack([np.ones(phase.size), y.ravel(), x.ravel()], -1)
    inside = border.ravel()
    plane = _least_absolute(design[inside], phase.ravel()[inside])
    levelled: Array = phase - (design @ plane).reshape(phase.shape)
    return levelled


def _least_absolute(design: Array, values: Array) -> Array:
    """Least absolute deviations by iteratively reweighted least squares."""
    weights = np.ones(len(values))
    solution: Array = np.zeros(design.shape[1])
    for _ in range(30):
        root = np.sqrt(weights)
        solution = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
        residual = np.abs(values - design @ solution)
        weights = 1 / np.maximum(residual, 1e-3)
    return solution


def from_off_axis(
    hologram: Any,
    *,
    wavelength_nm: Any,
    pixel_size_um: Any,
    reference: Any = None,
    sideband: tuple[float, float] | None = None,
    filter_size: float = 1 / 3,
    time: Any = None,
    medium_index: Any = 1.0,
) -> xr.Dataset:
    """OPD and absorption from off-axis holograms.

    The sign of the phase depends on which sideband is taken; the one is chosen in which the sample
    is denser than its medium (the extreme of the OPD is positive). That is decided frame by frame:
    for a time-lapse, or fields that may be empty, give `sideband` and decide once for all.

    Parameters
    ----------
    hologram : array or DataArray, shape ([time,] y, x)
        Intensity; dask in, lazy out.
    wavelength_nm, pixel_size_um : float
        Vacuum wavelength (nm); pixel pitch in the sample (µm).
    reference : array, shape (y, x), optional
        The same without sample: removes the curvature and unevenness of the beams.
    sideband, filter_size
        See :func:`demodulate`. The sideband of the reference, or of each hologram where there is
        none, when not given.
    time, medium_index
        See :func:`lensfree_nb.io.from_opd.from_opd`.

    Returns
    -------
    Dataset
        ``opd`` (nm) and ``absorption`` (``-log`` of the amplitude relative to the background).
    """
    array = hologram if isinstance(hologram, xr.DataArray) else None
    if array is None:
        values = hologram if hasattr(hologram, "dask") else np.asarray(hologram)
        if values.ndim not in (2, 3):
            raise DimensionError(f"hologram has shape {values.shape}; expected ([time,] y, x)")
        array = xr.DataArray(values, dims=("time", "y", "x")[-values.ndim :])
    array = dequantified(array)
    if not {"y", "x"} <= set(array.dims):
        raise DimensionError(f"hologram has dims {array.dims}; expected [time,] y, x")
    background = None if reference is None else np.asarray(reference, np.float64)
    shape = (array.sizes["y"], array.sizes["x"])
    if background is not None and background.shape != shape:
        raise DimensionError(f"reference has shape {background.shape}, the hologram {shape}")
    both = xr.apply_ufunc(
        _opd_and_absorption,
        array.chunk(y=-1, x=-1) if array.chunks is not None else array,
        input_core_dims=[["y", "x"]],
        output_core_dims=[["layer", "y", "x"]],
        kwargs={
            "reference": background,
            "wavelength_nm": floats(wavelength_nm, "nm", "wavelength_nm")[0],
            "sideband": sideband,
            "filter_size": filter_size,
        },
        dask="parallelized",
        output_dtypes=[np.float32],
        dask_gufunc_kwargs={"output_sizes": {"layer": 2}},
    )
    ds = from_opd(
        both.isel(layer=0),
        pixel_size_um=pixel_size_um,
        wavelength_nm=wavelength_nm,
        time=time,
        medium_index=medium_index,
        absorption=both.isel(layer=1),
    )
    return ds.assign_attrs(
        provenance(
            ds, "from_off_axis", sideband=sideband, filter_size=filter_size,
            reference=reference is not None, sign="given" if sideband else "of each frame",
        )
    )  # fmt: skip


def _opd_and_absorption(
    holograms: Array,
    *,
    reference: Array | None,
    wavelength_nm: float,
    sideband: tuple[float, float] | None,
    filter_size: float,
) -> Array:
    out = np.empty((*holograms.shape[:-2], 2, *holograms.shape[-2:]), np.float32)
    for index in np.ndindex(holograms.shape[:-2]):
        image = np.asarray(holograms[index], np.float64)
        carrier = sideband
        if carrier is None:
            carrier = find_carrier(image if reference is None else reference)
        field = demodulate(image, sideband=carrier, filter_size=filter_size)
        if reference is not None:
            empty = demodulate(reference, sideband=carrier, filter_size=filter_size)
            field = field / np.where(np.abs(empty) > 0, empty, np.nan)
        phase = unwrapped_phase(field)
        if sideband is None and -phase.min() > phase.max():
            phase = -phase
        amplitude = np.abs(field)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            absorption = -np.log(amplitude / np.median(amplitude))
        out[index] = np.stack([phase * wavelength_nm / (2 * np.pi), absorption])
    return out
