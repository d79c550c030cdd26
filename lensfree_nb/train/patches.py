"""Training patches without end: hologram, short inversion and truth, made as fast as they are used.

Fields are periodic: each is one period of an endless culture, so light needs no margin, and every
part of it is a patch. The light is the simulator's own (several lines a colour, a grid twice as
fine as the sensor's, every imperfection), the inversion is that of ``reconstruct``, which is told
the distance and the shifts of the colours as well as they would be found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lensfree_nb.checks import check_choice, check_number, checked_seed
from lensfree_nb.errors import ParameterError
from lensfree_nb.microscope import Setup
from lensfree_nb.nets.registry import ModelSpec
from lensfree_nb.reconstruct.alternation import Alternation
from lensfree_nb.reconstruct.methods import Inverse
from lensfree_nb.reconstruct.misfit import total
from lensfree_nb.reconstruct.network_input import network_input
from lensfree_nb.run.devices import choose_device
from lensfree_nb.run.networks import Precision, has_bfloat16
from lensfree_nb.simulate.bank import CellBank, Drawn
from lensfree_nb.simulate.ground import Ground
from lensfree_nb.simulate.instrument import Instrument, instrument_of
from lensfree_nb.simulate.light import Kept, Stage, intensity, own_light, surface
from lensfree_nb.train.variety import VARIETIES

FIELDS_AN_INSTRUMENT: Final = 8
FIELDS_A_BANK: Final = 128
FIELD, INSTRUMENT, BANK = range(3)


@dataclass(frozen=True, slots=True)
class Patches:
    """Patches of one field, all on one device, float32.

    Parameters
    ----------
    hologram : Tensor, shape (n, exposure, y, x)
        As recorded, the dark level taken off, over its mean.
    opd_nm, absorption : Tensor, shape (n, y, x)
        What the short inversion makes of it.
    inputs : Tensor, shape (n, channel, y, x)
        What a network is shown of both (``reconstruct.network_input``).
    truth_opd_nm, truth_absorption : Tensor, shape (n, y, x)
        Simulated truth, averaged over each pixel.
    cells : DataFrame
        One row a cell: which ``patch`` holds its centroid, where in it (``y_um, x_um``; the centre
        of the first pixel is 0, 0), its ``kind`` and its true metrics.
    ground : Ground
        Whose each pixel of the whole field is.
    """

    hologram: Tensor
    opd_nm: Tensor
    absorption: Tensor
    inputs: Tensor
    truth_opd_nm: Tensor
    truth_absorption: Tensor
    cells: pd.DataFrame
    ground: Ground


class Seen(NamedTuple):
    """An OPD of a field: in patches (n, y, x; nm), with cells and ground as of :class:`Patches`.

    ``residual`` is what it leaves unexplained of its hologram; NaN where it comes from none.
    """

    opd_nm: Tensor
    cells: pd.DataFrame
    ground: Ground
    residual: float


@dataclass(frozen=True)
class PatchSource:
    """Fields of patches by their number: the same on whoever's demand, in whatever order.

    Fields share an instrument with seven neighbours and a bank of cells with 127: going through
    them in order saves most of the work.

    Parameters
    ----------
    seed : int
        Of everything.
    field_px : int
        Side of a field (px). 512 suits a processor's cache; a GPU is better used by 1024.
    patch_px : int
        Side of a patch; divides that of the field.
    iterations : int
        Of the inversion.
    instrument : Instrument or name of a preset, optional
        One microscope for all fields, without tilt; those of the `variety` where none is given.
    variety : {"any", "paper"}
        Which microscopes and cultures fields come from (``train.variety``).
    distance_error_um : float
        Standard deviation by which the inversion's distance is off.
    registration_error_um : float
        Standard deviation by which each colour's lateral shift is off, along y and x; four times
        that in three fields of ten.
    draft : ModelSpec, optional
        A network of reconstruction. Fields of odd number are what becomes of its answer, so that
        one may learn from there as well.
    bank_cells : int
        Cells drawn for a bank.
    device : str
        Where torch works.

    Raises
    ------
    ParameterError
        If patches do not fill a field, or the instrument is tilted.
    """

    seed: int
    field_px: int = 512
    patch_px: int = 128
    iterations: int = 10
    instrument: Instrument | str | None = None
    variety: str = "any"
    distance_error_um: float = 3.0
    registration_error_um: float = 0.12
    draft: ModelSpec | None = None
    bank_cells: int = 1500
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        object.__setattr__(self, "seed", checked_seed(self.seed))
        check_choice("variety", self.variety, VARIETIES)
        if self.instrument is not None:
            object.__setattr__(self, "instrument", instrument_of(self.instrument))
        for name, least in (
            ("iterations", 1),
            ("bank_cells", 30),
            ("distance_error_um", 0),
            ("registration_error_um", 0),
        ):
            check_number(name, getattr(self, name), least)
        if self.patch_px < 1 or self.field_px < 1 or self.field_px % self.patch_px:
            raise ParameterError(
                f"field_px is {self.field_px}, patch_px {self.patch_px}; a whole number of "
                "patches must fill a field"
            )
        if isinstance(self.instrument, Instrument) and any(self.instrument.slope_um_per_mm):
            raise ParameterError("instrument is tilted: a periodic field has no tilt")

    @property
    def patches_a_field(self) -> int:
        """How many patches every field gives."""
        return (self.field_px // self.patch_px) ** 2

    @torch.no_grad()
    def field(self, number: int) -> Patches:
        """All patches of one field.

        Raises
        ------
        ParameterError
            If `number` is no whole number >= 0.
        """
        drawn, stage, hologram, stated = self._recorded(number)
        invert = Inverse(self.iterations, periodic=True)
        misfit = invert.misfit(hologram, stated)
        phase, absorption = invert.solve(misfit)
        if self.draft is not None and number % 2:
            phase, absorption = Alternation(self.draft).redrawn(misfit, (phase, absorption))
        return Patches(
            self.cut(hologram).movedim(0, 1),
            self.cut(phase * misfit.opd_nm_a_rad),
            self.cut(absorption),
            self.cut(network_input(misfit, phase, absorption)).movedim(0, 1),
            self.cut(stage.averaged(drawn.opd_nm)),
            self.cut(stage.averaged(drawn.absorption)),
            self._patched(drawn.cells, stage),
            drawn.ground.coarser(stage.oversampling),
        )

    @torch.no_grad()
    def true_opd(self, number: int) -> Seen:
        """The true OPD of a field, without the light.

        Many times faster than :meth:`field`.

        Raises
        ------
        ParameterError
            If `number` is no whole number >= 0.
        """
        drawn, stage, _ = self._drawn(number)
        return self._seen(stage.averaged(drawn.opd_nm), drawn, stage)

    @torch.no_grad()
    def opd_by(self, number: int, method: Alternation) -> Seen:
        """The OPD of a field by a method as users have it.

        Its network computes in bfloat16 where that is quicker: what eight bits round away is
        nothing beside the variety of what is learned. Refuses what :meth:`field` does.
        """
        drawn, stage, hologram, stated = self._recorded(number)
        quick: Precision = "bfloat16" if has_bfloat16(hologram.device) else "float32"
        here = replace(method, last=replace(method.last, periodic=True), precision=quick)
        made = here(hologram, stated)
        residual = math.sqrt(total(made.misfit) / total(made.contrast))
        return self._seen(made.opd_nm, drawn, stage, residual)

    def _seen(self, opd_nm: Tensor, drawn: Drawn, stage: Stage, residual: float = math.nan) -> Seen:
        ground = drawn.ground.coarser(stage.oversampling)
        return Seen(self.cut(opd_nm), self._patched(drawn.cells, stage), ground, residual)

    def _recorded(self, number: int) -> tuple[Drawn, Stage, Tensor, Setup]:
        """A field, its hologram (exposure, y, x) over its mean, and what is told of both."""
        drawn, stage, rng = self._drawn(number)
        device = drawn.opd_nm.device
        instrument, light, rough, kept = _instrument(self, number // FIELDS_AN_INSTRUMENT, device)
        generator = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
        brightness = 1 + instrument.camera.drift * float(rng.standard_normal())
        seen = drawn.opd_nm + rough
        exposures = []
        for exposure, shade in enumerate(light):
            fallen = intensity(seen, drawn.absorption, instrument, exposure, stage, kept)
            counts = instrument.camera.record(fallen * shade, generator, brightness).float()
            exposures.append(counts - instrument.camera.dark_level)
        recorded = torch.stack(exposures).clamp(min=0)
        return drawn, stage, recorded / recorded.mean(), self._stated(instrument, rng)

    def _drawn(self, number: int) -> tuple[Drawn, Stage, np.random.Generator]:
        """The culture of a field, and where its other random numbers come from."""
        number = checked_seed(number, "number")
        device = choose_device(self.device)
        rng = np.random.default_rng([self.seed, FIELD, number])
        instrument = _instrument(self, number // FIELDS_AN_INSTRUMENT, device)[0]
        bank, stage = _bank(self, number // FIELDS_A_BANK, device), self._stage(instrument)
        return VARIETIES[self.variety].culture(bank, stage.shape, rng), stage, rng

    def _stated(self, instrument: Instrument, rng: np.random.Generator) -> Setup:
        """What the inversion is told of the microscope: nearly, but not quite, how it is."""
        shape = (instrument.setup.exposures, 2)
        distance = np.array(instrument.setup.known_distance())
        distance = distance + self.distance_error_um * float(rng.standard_normal())
        amiss = self.registration_error_um * float(rng.choice([1, 4], p=[0.7, 0.3]))
        shift = np.array(instrument.shift_um or np.zeros(shape)) + amiss * rng.standard_normal(
            shape
        )
        beside = tuple((float(y), float(x)) for y, x in shift)
        return replace(instrument.setup.at(tuple(distance.tolist())), shift_um=beside)

    def _stage(self, instrument: Instrument) -> Stage:
        return Stage.periodic((self.field_px, self.field_px), instrument)

    def cut(self, image: Tensor) -> Tensor:
        """Patches (..., n, y, x) of an image (..., y, x), row by row."""
        side = self.patch_px
        tiled = image.unfold(-2, side, side).unfold(-2, side, side)
        return tiled.flatten(-4, -3)

    def _patched(self, cells: pd.DataFrame, stage: Stage) -> pd.DataFrame:
        """Cells by patch, placed in it."""
        pitch = stage.pitch_um * stage.oversampling
        along = self.field_px // self.patch_px
        # A pixel's centre lies between its points; its square begins half a pixel before it.
        points = cells[["y_um", "x_um"]].to_numpy() + stage.field.origin_um + pitch / 2
        points %= self.field_px * pitch
        place = np.minimum(points // (self.patch_px * pitch), along - 1)
        inside = points - place * self.patch_px * pitch - pitch / 2
        patch = (place[:, 0] * along + place[:, 1]).astype(int)
        return cells.assign(patch=patch, y_um=inside[:, 0], x_um=inside[:, 1])


@lru_cache(maxsize=2)
def _instrument(
    source: PatchSource, number: int, device: torch.device
) -> tuple[Instrument, list[Tensor], Tensor | float, Kept]:
    """The microscope of some fields, its bare light, its dish, and a place for its transfers."""
    rng = np.random.default_rng([source.seed, INSTRUMENT, number])
    given = source.instrument
    chosen = VARIETIES[source.variety].instrument(rng) if given is None else instrument_of(given)
    side = (source.field_px, source.field_px)
    light = [torch.from_numpy(shade).to(device) for shade in own_light(chosen, side)]
    return chosen, light, surface(chosen, Stage.periodic(side, chosen), device), {}


@lru_cache(maxsize=2)
def _bank(source: PatchSource, number: int, device: torch.device) -> CellBank:
    """The cells of some fields."""
    rng = np.random.default_rng([source.seed, BANK, number])
    instrument = _instrument(source, number * (FIELDS_A_BANK // FIELDS_AN_INSTRUMENT), device)[0]
    pitch = instrument.setup.pixel_size_um / instrument.oversampling
    return CellBank.of(VARIETIES[source.variety].cells(source.bank_cells, rng), pitch, device)
