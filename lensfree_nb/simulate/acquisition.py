"""Simulated holograms of a culture, with its truth.

The object is rendered on a grid finer than the sensor and wider than it, the intensity is the
exact one (``optics.sensor.expose``: several spectral lines, blur by source and pixel), never the
first-order model that the inversion uses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.contract import LONG_NAMES
from lensfree_nb.errors import ParameterError
from lensfree_nb.microscope import Setup
from lensfree_nb.simulate.camera import Counts
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
    absorption: float | NDArray[np.floating] = 0.0,
    noise: float = 0.01,
    oversampling: int = 2,
    lines: int = 5,
    uneven: float = 0.0,
    counts: Counts | None = None,
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
        The microscope. Exposures of different wavelengths run along ``wavelength``; where a
        wavelength comes twice (several heights) they run along ``plane``.
    absorption : float or ndarray, shape (y, x)
        Of the amplitude, ``exp(-absorption)``: one value over the whole sample, or a map over the
        sensor's pixels (nothing absorbs outside of it).
    noise : float
        Standard deviation of the noise, relative to the background.
    oversampling : int
        Points of the object's grid per pixel, along each axis.
    lines : int
        Spectral lines of each colour.
    uneven : float
        Amplitude of a slow unevenness of the light.
    counts : Counts, optional
        Record 16-bit counts of this camera, as files hold them; else the hologram is float32 with
        background 1.

    Returns
    -------
    Dataset
        ``hologram``, ``truth_opd`` (nm) and ``truth_absorption``, both averaged over each pixel:
        simulated. The true distances are the attribute ``simulated_distance_um``: one number, or
        one for each exposure where they differ.

    Raises
    ------
    ParameterError
        If `absorption` is negative, unknown somewhere, or a map of another shape.
    SetupError
        If the setup states no distance.
    """
    import torch

    from lensfree_nb.optics.sensor import expose

    grid = _Grid.around(shape, setup, oversampling)
    opd = grid.render(cells)
    absorbed = _absorption_map(absorption, shape)
    beyond = float(absorption) if np.ndim(absorption) == 0 else 0.0
    phase, absorbing = torch.from_numpy(opd) * 1e-3, torch.from_numpy(grid.spread(absorbed, beyond))
    light = _slow_light(shape, uneven, rng)
    exposures = []
    for exposure in range(setup.exposures):
        intensity = expose(
            phase, absorbing, setup, exposure, pixel_size_um=grid.pitch_um, lines=lines
        ).numpy()
        clean = grid.on_sensor(intensity) * light
        noisy = clean * (1 + noise * rng.standard_normal(shape, np.float32))
        exposures.append(noisy.astype(np.float32) if counts is None else counts.record(noisy))
    return _dataset(np.stack(exposures), grid.on_sensor(opd), absorbed, setup, counts)


def _dataset(
    hologram: NDArray[np.generic], opd: NDArray[np.float32], absorption: NDArray[np.float32],
    setup: Setup, counts: Counts | None,
) -> xr.Dataset:  # fmt: skip
    repeated = len(set(setup.wavelength_nm)) < setup.exposures
    exposure = "plane" if repeated else "wavelength"
    recorded: dict[str, str | float] = {
        "units": "1",
        "long_name": f"simulated {LONG_NAMES['hologram']}",
    }
    if counts is not None:
        recorded |= {
            "units": "counts", "full_scale": float(counts.full_well), "offset": counts.offset,
        }  # fmt: skip
    truth = {
        "truth_opd": (opd, "nm", LONG_NAMES["opd"]),
        "truth_absorption": (absorption, "1", LONG_NAMES["absorption"]),
    }
    distances = setup.known_distance()
    pitch = setup.pixel_size_um
    return xr.Dataset(
        {
            "hologram": ((exposure, "y", "x"), hologram, recorded),
            **{
                name: (("y", "x"), values, {"units": units, "long_name": f"simulated true {what}"})
                for name, (values, units, what) in truth.items()
            },
        },
        coords={
            "wavelength": (exposure, list(setup.wavelength_nm), {"units": "nm"}),
            "y": ("y", np.arange(opd.shape[0]) * pitch, {"units": "um"}),
            "x": ("x", np.arange(opd.shape[1]) * pitch, {"units": "um"}),
        },
        attrs={
            "pixel_size_um": pitch,
            "medium_index": setup.medium_index,
            "source_diameter_um": setup.source_diameter_um,
            "source_distance_mm": setup.source_distance_mm,
            "bandwidth_nm": setup.bandwidth_nm,
            "simulated_distance_um": distances[0] if len(set(distances)) == 1 else distances,
        },
    )


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


@dataclass(frozen=True, slots=True)
class _Grid:
    """The object's grid: `oversampling` points a pixel, a margin around, a shape that FFTs fast."""

    sensor: tuple[int, int]
    margin_px: int
    oversampling: int
    pixel_size_um: float

    @classmethod
    def around(cls, sensor: tuple[int, int], setup: Setup, oversampling: int) -> _Grid:
        from lensfree_nb.optics.propagation import fringe_halo_px

        return cls(sensor, fringe_halo_px(setup), oversampling, setup.pixel_size_um)

    @property
    def pitch_um(self) -> float:
        return self.pixel_size_um / self.oversampling

    @property
    def shape(self) -> tuple[int, int]:
        from lensfree_nb.optics.propagation import fast_shape

        return fast_shape([n * self.oversampling for n in self.sensor], self.margin)

    @property
    def margin(self) -> int:
        return self.margin_px * self.oversampling

    @property
    def window(self) -> tuple[slice, slice]:
        """Where the sensor lies in the grid."""
        rows, columns = (
            slice(self.margin, self.margin + n * self.oversampling) for n in self.sensor
        )
        return rows, columns

    def render(self, cells: pd.DataFrame) -> NDArray[np.float32]:
        # Each pixel's points straddle the pixel's centre.
        shift = (self.oversampling - 1) / 2 * self.pitch_um + self.margin_px * self.pixel_size_um
        moved = cells.assign(y_um=cells["y_um"] + shift, x_um=cells["x_um"] + shift)
        return render(moved, self.shape, self.pitch_um)

    def spread(self, image: NDArray[np.float32], beyond: float) -> NDArray[np.float32]:
        """A map over the sensor's pixels on the grid, and what is `beyond` it."""
        out = np.full(self.shape, beyond, np.float32)
        out[self.window] = image.repeat(self.oversampling, 0).repeat(self.oversampling, 1)
        return out

    def on_sensor(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Means over the sensor's pixels."""
        (height, width), factor = self.sensor, self.oversampling
        blocks = image[self.window].reshape(height, factor, width, factor)
        return np.asarray(blocks.mean(axis=(1, 3)))


def _absorption_map(
    absorption: float | NDArray[np.floating], shape: tuple[int, int]
) -> NDArray[np.float32]:
    values = np.asarray(absorption, np.float32)
    if values.shape not in ((), tuple(shape)):
        raise ParameterError(
            f"absorption has shape {values.shape}; give one number or a map of {tuple(shape)}"
        )
    if not (np.isfinite(values) & (values >= 0)).all():
        raise ParameterError("absorption has negative or unknown values; it must be >= 0")
    return np.broadcast_to(values, shape).copy()


def _slow_light(
    shape: tuple[int, int], amplitude: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    a, b, c = rng.uniform(-1, 1, 3) * amplitude
    return np.asarray(1 + a * y[:, None] + b * x[None] + c * y[:, None] * x[None], np.float32)
