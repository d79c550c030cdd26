"""A simulated time-lapse: days of frames, lazily, each the same bytes whoever asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd
import xarray as xr

from lensfree_nb.checks import check_number, checked_seed, checked_shape
from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.appearance import appearance
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.instrument import Instrument, instrument_of
from lensfree_nb.simulate.life import Habits, History, history

if TYPE_CHECKING:
    import dask.dataframe as dd

Fault = Literal["missing", "torn"]
START: Final = np.datetime64("2024-05-01T12:00", "ns")
MARGIN_UM: Final = 165.0


@dataclass(frozen=True)
class TimeLapse:
    """A recipe for every frame of a time-lapse; small, hashable, and all that a worker needs.

    Parameters
    ----------
    shape : (int, int)
        The sensor (px).
    frames : int
    interval_min : float
    density_per_mm2 : float
        At the start.
    instrument : Instrument
    habits : Habits
    seed : int
        Of everything random in it.
    faults : tuple of (int, {"missing", "torn"})
        Frames that were not recorded, or whose lower part still shows the frame before.
    """

    shape: tuple[int, int]
    frames: int
    interval_min: float
    density_per_mm2: float
    instrument: Instrument
    habits: Habits
    seed: int
    faults: tuple[tuple[int, Fault], ...] = ()

    def frame(self, number: int, device: str = "auto") -> xr.Dataset:
        """One frame as :func:`lensfree_nb.simulate.acquisition.acquire` gives it."""
        fault = dict(self.faults).get(number)
        ds = self._whole(number, device)
        if fault == "missing":
            hologram = ds["hologram"]
            gone = hologram.copy(data=np.full(hologram.shape, np.nan, np.float32))
            return ds.assign(hologram=gone)
        if fault == "torn" and number > 0:
            before = self._whole(number - 1, device)["hologram"].values
            hologram = ds["hologram"].copy(deep=True)
            tear = int(self._rng(number, 1).integers(self.shape[0] // 4, self.shape[0]))
            hologram.values[..., tear:, :] = before[..., tear:, :]
            return ds.assign(hologram=hologram)
        return ds

    def truth(self, number: int) -> pd.DataFrame:
        """Every cell of one frame, also those beyond the sensor, measured before any optics."""
        founders, life = lives(self)
        table = appearance(life.at(number), founders, self.habits)
        time = START + np.timedelta64(round(number * self.interval_min * 60), "s")
        return table.assign(frame=number, time=time)

    def _whole(self, number: int, device: str) -> xr.Dataset:
        rng = self._rng(number, 0)
        cells = self.truth(number)
        return acquire(cells, self.shape, rng=rng, instrument=self.instrument, device=device)

    def _rng(self, number: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, 2, number, stream])


@lru_cache(maxsize=2)
def lives(recipe: TimeLapse) -> tuple[pd.DataFrame, History]:
    """The founders of a time-lapse and its history: worked out once a process."""
    margin = MARGIN_UM
    pitch = recipe.instrument.setup.pixel_size_um
    founders = culture(
        recipe.shape, recipe.density_per_mm2, rng=np.random.default_rng([recipe.seed, 0]),
        pixel_size_um=pitch, margin_um=margin,
    )  # fmt: skip
    height, width = (n * pitch + 2 * margin for n in recipe.shape)
    inside = founders.assign(y_um=founders["y_um"] + margin, x_um=founders["x_um"] + margin)
    life = history(
        inside, (height, width), recipe.frames, recipe.interval_min, recipe.habits,
        np.random.default_rng([recipe.seed, 1]),
    )  # fmt: skip
    for _, state in life.alive:
        state[:, :2] -= margin
    return founders, life


def timelapse(
    shape: tuple[int, int] = (2748, 3840),
    *,
    seed: int,
    frames: int = 144,
    interval_min: float = 10.0,
    density_per_mm2: float = 100.0,
    instrument: Instrument | str = "paper",
    habits: Habits | None = None,
    faults: Mapping[int, Fault] | None = None,
    device: str = "auto",
) -> tuple[xr.Dataset, dd.DataFrame]:
    """Days of a living culture, and the truth about each cell; nothing is computed yet.

    Parameters
    ----------
    shape : (int, int)
        The sensor (px).
    seed : int
        Of everything random; frames have streams of their own.
    frames : int
        How many.
    interval_min : float
        Time between them (min).
    density_per_mm2 : float
        Cells per mm² at the start.
    instrument : Instrument or {"ideal", "plain", "paper", "harsh"}
    habits : Habits, optional
        How the cells behave.
    faults : mapping of frame to {"missing", "torn"}, optional
        Frames that were not recorded, or whose lower part still shows the frame before.
    device : str
        Where torch works.

    Returns
    -------
    Dataset
        ``hologram`` (time, wavelength, y, x), ``truth_opd`` and ``truth_absorption``: simulated,
        lazy, one frame a chunk. Where frames are missing the hologram is float, and NaN there.
    dask DataFrame
        One partition a frame, one row a cell: the table of
        :func:`lensfree_nb.simulate.dish.culture` with ``track, parent, age, frame, time``.

    Raises
    ------
    ParameterError
        If a number is out of range, or a fault is not known.
    """
    if frames < 1 or not interval_min > 0:
        raise ParameterError(f"frames is {frames}, interval_min {interval_min}; both must be > 0")
    seed, shape = checked_seed(seed), checked_shape(shape)
    check_number("density_per_mm2", density_per_mm2)
    faults = dict(faults or {})
    for number, fault in faults.items():
        if fault not in ("missing", "torn") or not 0 <= number < frames:
            raise ParameterError(
                f"faults names frame {number} as {fault!r}; give frames 0 to {frames - 1}, "
                "'missing' or 'torn'"
            )
    recipe = TimeLapse(
        shape, frames, interval_min, density_per_mm2,
        instrument_of(instrument),
        habits or Habits(), seed, tuple(sorted(faults.items())),
    )  # fmt: skip
    return _lazy_frames(recipe, device), _lazy_truth(recipe)


def _lazy_frames(recipe: TimeLapse, device: str) -> xr.Dataset:
    import dask.array as da
    from dask import delayed

    small = acquire(
        None, (1, 1),
        rng=np.random.default_rng(0), instrument=recipe.instrument, device="cpu",
    )  # fmt: skip
    damaged = any(fault == "missing" for _, fault in recipe.faults)
    arrays: dict[str, list[Any]] = {str(name): [] for name in small.data_vars}
    pure = delayed(_computed, pure=True)
    for number in range(recipe.frames):
        made = pure(recipe, number, device, damaged)
        for name, kept in arrays.items():
            shape = (*small[name].shape[:-2], *recipe.shape)
            dtype = np.float32 if damaged and name == "hologram" else small[name].dtype
            kept.append(da.from_delayed(made[name], (1, *shape), dtype=dtype))
    pitch = recipe.instrument.setup.pixel_size_um
    seconds = np.round(np.arange(recipe.frames) * recipe.interval_min * 60).astype(int)
    variables = {
        name: (("time", *small[name].dims), da.concatenate(parts), small[name].attrs)
        for name, parts in arrays.items()
    }
    return xr.Dataset(
        variables,
        coords={
            "time": START + seconds.astype("timedelta64[s]"),
            "wavelength": small["wavelength"],
            "y": ("y", np.arange(recipe.shape[0]) * pitch, {"units": "um"}),
            "x": ("x", np.arange(recipe.shape[1]) * pitch, {"units": "um"}),
        },
        attrs=small.attrs,
    )


def _computed(
    recipe: TimeLapse, number: int, device: str, damaged: bool
) -> dict[str, np.ndarray[Any, Any]]:
    ds = recipe.frame(number, device)
    arrays = {str(name): ds[name].values[None] for name in ds.data_vars}
    if damaged:
        arrays["hologram"] = arrays["hologram"].astype(np.float32)
    return arrays


def _lazy_truth(recipe: TimeLapse) -> dd.DataFrame:
    import dask.dataframe as dd
    from dask import delayed

    tiny = TimeLapse(
        (64, 64), 1, recipe.interval_min, 1000.0, recipe.instrument, recipe.habits, recipe.seed
    )
    pure = delayed(TimeLapse.truth, pure=True)
    parts = [pure(recipe, number) for number in range(recipe.frames)]
    return dd.from_delayed(parts, meta=tiny.truth(0).iloc[:0], verify_meta=False)
