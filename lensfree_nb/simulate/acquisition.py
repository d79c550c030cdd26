"""Simulated holograms of a culture, with its truth.

The object is rendered on a grid finer than the sensor and wider than it, the intensity is the
exact one (``optics.sensor.expose``: several spectral lines, blur by source and pixel), never the
first-order model that the inversion uses.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.contract import Setup
from lensfree_nb.simulate.culture import culture, render

PAPER_SETUP = Setup(
    wavelength_nm=(640.0, 530.0, 450.0),
    pixel_size_um=1.67,
    distance_um=(1000.0,) * 3,
    source_diameter_um=50.0,
    source_distance_mm=50.0,
    bandwidth_nm=20.0,
)
EXAMPLE_SEED = 7


def acquire(
    cells: pd.DataFrame,
    shape: tuple[int, int],
    *,
    rng: np.random.Generator,
    setup: Setup = PAPER_SETUP,
    noise: float = 0.01,
    oversampling: int = 2,
    lines: int = 5,
    uneven: float = 0.0,
) -> xr.Dataset:
    """Holograms of one frame of a culture.

    Parameters
    ----------
    cells : DataFrame
        From :func:`lensfree_nb.simulate.culture.culture`; (0, 0) is the centre of the sensor's
        first pixel, and cells outside the sensor send their fringes in.
    shape : (int, int)
        The sensor (px).
    rng : numpy Generator
        Source of the noise.
    setup : Setup
        The microscope.
    noise : float
        Standard deviation of the noise, relative to the background.
    oversampling : int
        Points of the object's grid per pixel, along each axis.
    lines : int
        Spectral lines of each colour.
    uneven : float
        Amplitude of a slow unevenness of the light.

    Returns
    -------
    Dataset
        ``hologram`` (background 1), ``truth_opd`` (nm, averaged over each pixel): simulated.
    """
    import torch

    from lensfree_nb.optics.propagation import fringe_halo_px
    from lensfree_nb.optics.sensor import expose

    margin = fringe_halo_px(setup)
    fine = setup.pixel_size_um / oversampling
    padded = (shape[0] + 2 * margin, shape[1] + 2 * margin)
    # Centres of the fine points, so that each pixel's points straddle the pixel's centre.
    shift = (oversampling - 1) / 2 * fine + margin * setup.pixel_size_um
    moved = cells.assign(y_um=cells["y_um"] + shift, x_um=cells["x_um"] + shift)
    opd = render(moved, (padded[0] * oversampling, padded[1] * oversampling), fine)
    tensor = torch.from_numpy(opd) * 1e-3
    inside = (slice(margin, margin + shape[0]), slice(margin, margin + shape[1]))
    light = _slow_light(shape, uneven, rng)
    exposures = []
    for exposure in range(setup.exposures):
        intensity = expose(
            tensor, torch.zeros_like(tensor), setup, exposure, pixel_size_um=fine, lines=lines
        ).numpy()
        clean = _binned(intensity, oversampling)[inside] * light
        exposures.append(clean * (1 + noise * rng.standard_normal(shape, np.float32)))
    y, x = (np.arange(n) * setup.pixel_size_um for n in shape)
    return xr.Dataset(
        {
            "hologram": (
                ("wavelength", "y", "x"), np.stack(exposures).astype(np.float32),
                {"units": "1", "long_name": "simulated hologram intensity"},
            ),
            "truth_opd": (
                ("y", "x"), _binned(opd, oversampling)[inside],
                {"units": "nm", "long_name": "simulated true optical path difference"},
            ),
        },
        coords={
            "wavelength": ("wavelength", list(setup.wavelength_nm), {"units": "nm"}),
            "y": ("y", y, {"units": "um"}),
            "x": ("x", x, {"units": "um"}),
        },
        attrs={
            "pixel_size_um": setup.pixel_size_um,
            "medium_index": setup.medium_index,
            "source_diameter_um": setup.source_diameter_um,
            "source_distance_mm": setup.source_distance_mm,
            "bandwidth_nm": setup.bandwidth_nm,
            "simulated_distance_um": setup.known_distance()[0],
        },
    )  # fmt: skip


def example(
    frames: int = 2, size_px: int = 640, seed: int = EXAMPLE_SEED
) -> tuple[xr.Dataset, pd.DataFrame]:
    """The embedded example: RGB holograms of a growing culture every ten minutes, and its truth.

    Returns
    -------
    Dataset
        ``hologram`` as ``time, wavelength, y, x``, and ``truth_opd``. Its distance is not set:
        finding it is part of the line.
    DataFrame
        One row a cell and frame inside the sensor, as simulated.
    """
    rng = np.random.default_rng(seed)
    margin = 100
    field = (size_px + 2 * margin, size_px + 2 * margin)
    pitch = PAPER_SETUP.pixel_size_um
    cells = culture(field, rng=rng, pixel_size_um=pitch)
    offset = margin * pitch
    cells = cells.assign(y_um=cells["y_um"] - offset, x_um=cells["x_um"] - offset)
    velocity_um = rng.normal(0, 0.8, (len(cells), 2))
    datasets, truths = [], []
    for frame in range(frames):
        growth = 1.0 + 0.006 * frame
        now = cells.assign(
            y_um=cells["y_um"] + frame * velocity_um[:, 0],
            x_um=cells["x_um"] + frame * velocity_um[:, 1],
            height_nm=cells["height_nm"] * growth,
            nucleus_nm=cells["nucleus_nm"] * growth,
            dry_mass_pg=cells["dry_mass_pg"] * growth,
            max_opd_nm=cells["max_opd_nm"] * growth,
        )
        datasets.append(acquire(now, (size_px, size_px), rng=rng))
        seen = now["y_um"].between(0, size_px * pitch) & now["x_um"].between(0, size_px * pitch)
        truths.append(now[seen].assign(frame=frame, cell=np.flatnonzero(seen)))
    start = np.datetime64("2024-05-01T12:00", "ns")
    times = start + np.arange(frames) * np.timedelta64(10, "m")
    ds = xr.concat(datasets, dim=xr.Variable("time", times), combine_attrs="override")
    return ds, pd.concat(truths, ignore_index=True)


def _binned(image: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    height, width = (n // factor for n in image.shape)
    blocks = image.reshape(height, factor, width, factor)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _slow_light(
    shape: tuple[int, int], amplitude: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    a, b, c = rng.uniform(-1, 1, 3) * amplitude
    return np.asarray(1 + a * y[:, None] + b * x[None] + c * y[:, None] * x[None], np.float32)
