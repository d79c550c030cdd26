"""Simulated acquisitions: cells and an instrument into holograms, their truth beside them."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from lensfree_nb.checks import check_rng, checked_shape
from lensfree_nb.contract import LONG_NAMES
from lensfree_nb.errors import ParameterError
from lensfree_nb.run.devices import working_on
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import Instrument, instrument_of
from lensfree_nb.simulate.light import Stage, intensity, own_light, surface
from lensfree_nb.simulate.measured_cells import MeasuredCells
from lensfree_nb.simulate.render import draw

EXAMPLE_SEED: Final = 7
MOST: Final = {"opd_nm": 1e6, "absorption": 1e3}
NO_CELLS: Final = pd.DataFrame({"y_um": [], "x_um": []}, dtype=float)


def acquire(
    cells: pd.DataFrame | None,
    shape: tuple[int, int],
    *,
    rng: np.random.Generator,
    instrument: Instrument | str = "paper",
    opd_nm: float | NDArray[np.floating] = 0.0,
    absorption: float | NDArray[np.floating] = 0.0,
    measured_cells: MeasuredCells | None = None,
    device: str = "auto",
) -> xr.Dataset:
    """Holograms of one frame of a culture.

    Parameters
    ----------
    cells : DataFrame or None
        From :func:`lensfree_nb.simulate.dish.culture`; (0, 0) is the centre of the sensor's
        first pixel, and cells outside the sensor send their fringes in.
    shape : (int, int)
        The sensor (px).
    rng : numpy Generator
        Source of the noise and of this frame's brightness.
    instrument : Instrument or {"ideal", "plain", "paper", "harsh"}
        The microscope with its imperfections. Exposures of different wavelengths run along
        ``wavelength``; where a wavelength comes twice (several heights) along ``plane``.
    opd_nm, absorption : float or ndarray, shape (y, x)
        Added to the cells' own, as of an object that was measured: one value over the whole
        sample, or a map over the sensor's pixels, or over the points of the instrument's finer
        grid; outside of the sensor it goes on as its border does.
        Absorption is that of the amplitude, ``exp(-absorption)``, and never negative.
    measured_cells : MeasuredCells, optional
        What the culture's cells of kind ``measured`` look like.
    device : str
        Where torch works.

    Returns
    -------
    Dataset
        ``hologram`` (counts of the camera's bits, or float32 with background 1), ``truth_opd``
        (nm) and ``truth_absorption``, both averaged over each pixel: simulated. The true
        distances are the attribute ``simulated_distance_um``: one number, or one for each
        exposure where they differ.

    Raises
    ------
    ParameterError
        If a map is unknown somewhere or of another shape, or `absorption` negative.
    """
    chosen = instrument_of(instrument)
    shape = checked_shape(shape)
    check_rng(rng)
    with working_on(device) as worker:
        stage = Stage.around(shape, chosen)
        opd, dark = draw(NO_CELLS if cells is None else cells, stage.field, worker, measured_cells)
        opd += _on_stage(stage, opd_nm, "opd_nm", worker)
        dark += _on_stage(stage, absorption, "absorption", worker)
        generator = torch.Generator(worker).manual_seed(int(rng.integers(2**62)))
        brightness = 1 + chosen.camera.drift * float(rng.standard_normal())
        seen = opd + surface(chosen, stage, worker)
        exposures = []
        for exposure, light in enumerate(own_light(chosen, shape)):
            fallen = intensity(seen, dark, chosen, exposure, stage)
            recorded = fallen * torch.from_numpy(light).to(worker)
            exposures.append(chosen.camera.record(recorded, generator, brightness).cpu().numpy())
        truth = {
            "truth_opd": (stage.averaged(opd).cpu().numpy(), "nm", LONG_NAMES["opd"]),
            "truth_absorption": (stage.averaged(dark).cpu().numpy(), "1", LONG_NAMES["absorption"]),
        }
    return _dataset(np.stack(exposures), truth, chosen)


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
    pitch = instrument_of("plain").setup.pixel_size_um
    cells = culture((size_px, size_px), rng=rng, pixel_size_um=pitch, margin_um=165.0)
    velocity_um = rng.normal(0, 0.8, (len(cells), 2))
    datasets, truths = [], []
    for frame in range(frames):
        growth = 1.0 + 0.006 * frame
        scaled = ("height_nm", "nucleus_nm", "dry_mass_pg", "max_opd_nm")
        now = cells.assign(
            y_um=cells["y_um"] + frame * velocity_um[:, 0],
            x_um=cells["x_um"] + frame * velocity_um[:, 1],
            **{name: cells[name] * growth for name in scaled},
        )
        datasets.append(acquire(now, (size_px, size_px), rng=rng, instrument="plain"))
        seen = now["y_um"].between(0, size_px * pitch) & now["x_um"].between(0, size_px * pitch)
        truths.append(now[seen].assign(frame=frame, cell=np.flatnonzero(seen)))
    start = np.datetime64("2024-05-01T12:00", "ns")
    times = start + np.arange(frames) * np.timedelta64(10, "m")
    ds = xr.concat(datasets, dim=xr.Variable("time", times), combine_attrs="override")
    return ds, pd.concat(truths, ignore_index=True)


def _dataset(
    hologram: NDArray[np.generic],
    truth: dict[str, tuple[NDArray[np.float32], str, str]],
    chosen: Instrument,
) -> xr.Dataset:
    setup, camera = chosen.setup, chosen.camera
    repeated = len(set(setup.wavelength_nm)) < setup.exposures
    exposure = "plane" if repeated else "wavelength"
    recorded: dict[str, str | float] = {
        "units": "1",
        "long_name": f"simulated {LONG_NAMES['hologram']}",
    }
    if camera.bits is not None:
        hologram = hologram.astype(np.uint8 if camera.bits == 8 else np.uint16)
        recorded |= {
            "units": "counts", "full_scale": float(camera.full_scale), "offset": camera.offset,
        }  # fmt: skip
    distances, pitch = setup.known_distance(), setup.pixel_size_um
    height, width = hologram.shape[-2:]
    attrs = {
        "pixel_size_um": pitch,
        "medium_index": setup.medium_index,
        "source_diameter_um": setup.source_diameter_um,
        "bandwidth_nm": setup.bandwidth_nm,
        "simulated_distance_um": distances[0] if len(set(distances)) == 1 else distances,
    }
    if np.isfinite(setup.source_distance_mm):
        attrs["source_distance_mm"] = setup.source_distance_mm
    return xr.Dataset(
        {
            "hologram": ((exposure, "y", "x"), hologram, recorded),
            **{
                name: (
                    ("y", "x"),
                    values,
                    {"units": units, "long_name": f"simulated true {what}"},
                )
                for name, (values, units, what) in truth.items()
            },
        },
        coords={
            "wavelength": (exposure, list(setup.wavelength_nm), {"units": "nm"}),
            "y": ("y", np.arange(height) * pitch, {"units": "um"}),
            "x": ("x", np.arange(width) * pitch, {"units": "um"}),
        },
        attrs=attrs,
    )


def _on_stage(
    stage: Stage, values: float | NDArray[np.floating], name: str, device: torch.device
) -> Tensor | float:
    """What is added to the cells: a number, or a map of the sensor's pixels on the stage."""
    array = np.asarray(values, np.float32)
    finest = tuple(n * stage.oversampling for n in stage.sensor)
    if array.shape not in ((), stage.sensor, finest):
        raise ParameterError(
            f"{name} has shape {array.shape}; give one number, or a map of {stage.sensor} or "
            f"{finest}"
        )
    if not np.isfinite(array).all() or (name == "absorption" and (array < 0).any()):
        raise ParameterError(f"{name} has negative or unknown values")
    if np.abs(array).max(initial=0) > MOST[name]:
        raise ParameterError(
            f"{name} reaches {np.abs(array).max():g}; no more than {MOST[name]:g} can be sampled"
        )
    if array.ndim == 0:
        return float(array)
    finer = array
    if array.shape != finest:
        finer = array.repeat(stage.oversampling, 0).repeat(stage.oversampling, 1)
    around = [
        (stage.margin, whole - stage.margin - n)
        for whole, n in zip(stage.shape, finer.shape, strict=True)
    ]
    return torch.from_numpy(np.pad(finer, around, mode="edge")).to(device)
