"""Focus stacks of simulated cultures through an objective, the focused image beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from lensfree_nb.checks import check_choice, check_number, check_rng, checked_shape
from lensfree_nb.errors import DistanceError
from lensfree_nb.optics.propagation import fast_shape
from lensfree_nb.run.devices import working_on
from lensfree_nb.simulate.acquisition import NO_CELLS
from lensfree_nb.simulate.dish import culture, with_debris
from lensfree_nb.simulate.light import uneven_light
from lensfree_nb.simulate.measured_cells import MeasuredCells
from lensfree_nb.simulate.objective import OBJECTIVES, Objective, images, objective_of
from lensfree_nb.simulate.render import Field, draw
from lensfree_nb.simulate.substrate import SUBSTRATES, grain, substrate

OVERSAMPLING: Final = 2
HALO_UM: Final = 25.0
FARTHEST_UM: Final = 200.0
UNEVEN: Final = 0.06
# Structure finer than a culture's table holds: organelles, as a share of the local OPD.
ORGANELLES, ORGANELLE_UM, MOST_ORGANELLES = 0.12, 0.6, 0.5
TRUTHS: Final = {"opd": "", "surface": " of the surface"}
CELL_TYPES: Final = {
    "endothelial": {"epithelial": 0.93, "round": 0.07},
    "smooth_muscle": {"spindle": 0.93, "round": 0.07},
    "fibroblast": {"round": 0.12},
}
DEFOCUS_UM: Final = {
    "10x/0.30": (-20.0, -10.0, 0.0, 10.0, 20.0),
    "20x/0.45": (-10.0, -5.0, 0.0, 5.0, 10.0),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the 18 of Xue 2021: what is imaged, on what, through which objective."""

    objective: str
    cell_type: str
    substrate: str

    def __post_init__(self) -> None:
        """Refuse what there is none of."""
        for name, known in (
            ("objective", OBJECTIVES), ("cell_type", CELL_TYPES), ("substrate", SUBSTRATES),
        ):  # fmt: skip
            check_choice(name, getattr(self, name), known)

    def cells(
        self, shape: tuple[int, int], *, rng: np.random.Generator, density_per_mm2: float = 300.0
    ) -> pd.DataFrame:
        """A culture of this type of cell that fills the field of this objective (px), and debris.

        The default density is that of Xue 2021 §4.2.
        """
        pitch = OBJECTIVES[self.objective].pixel_size_um
        kinds = CELL_TYPES[self.cell_type]
        living = culture(
            shape, density_per_mm2, rng=rng, pixel_size_um=pitch, kinds=kinds, margin_um=HALO_UM,
            spacing_um=18.0,
        )  # fmt: skip
        return with_debris(living, shape, 60.0, rng=rng, pixel_size_um=pitch)


CONDITIONS: Final = tuple(
    Condition(*names) for names in product(OBJECTIVES, CELL_TYPES, SUBSTRATES)
)


def focus_stack(
    cells: pd.DataFrame | None,
    shape: tuple[int, int],
    defocus_um: float | Sequence[float],
    *,
    rng: np.random.Generator,
    objective: Objective | str = "10x/0.30",
    surface: str = "glass",
    measured_cells: MeasuredCells | None = None,
    organelles: float = ORGANELLES,
    device: str = "auto",
) -> xr.Dataset:
    """Images of one field of a culture in and out of focus, through an objective.

    Parameters
    ----------
    cells : DataFrame or None
        From :func:`lensfree_nb.simulate.dish.culture`, with the objective's pixel size, or from
        :meth:`Condition.cells`; (0, 0) is the centre of the first pixel.
    shape : (int, int)
        The camera (px).
    defocus_um : sequence of float
        Planes (µm): how far each lies beyond the cells, along the light; 0 is in focus.
    rng : numpy Generator
        Source of the surface, of the light's course and of the noise.
    objective : Objective or {"10x/0.30", "20x/0.45"}
        The microscope; its methods ``brightfield()`` and ``in_colour()`` give its variants.
    surface : {"glass", "polystyrene", "pdms"}
        What the cells lie on.
    measured_cells : MeasuredCells, optional
        What the culture's cells of kind ``measured`` look like.
    organelles : float
        How strongly the OPD of cells varies by what is finer than a culture's table holds: standard
        deviation, as a share of the local OPD; up to 0.5.
    device : str
        Where torch works.

    Returns
    -------
    Dataset
        ``image`` (position, channel, y, x) over the camera's full scale, with the coordinate
        ``simulated_defocus`` (µm) along ``position``; ``truth_image`` (channel, y, x), in focus
        and without noise; ``truth_opd`` (nm) of the cells and ``truth_surface`` (nm) of what they
        lie on. All simulated; who the cells are is in the table.

    Raises
    ------
    ParameterError
        If the objective or the surface is not known, or organelles are out of range.
    DistanceError
        If a plane is no number, or farther than 200 µm.
    """
    chosen = objective_of(objective)
    shape = checked_shape(shape)
    check_rng(rng)
    check_number("organelles", organelles, high=MOST_ORGANELLES)
    planes = _checked_planes(defocus_um)
    margin = math.ceil(
        (HALO_UM + max(abs(z) for z in planes) * chosen.aperture) / chosen.pixel_size_um
    )
    pitch = chosen.pixel_size_um / OVERSAMPLING
    grid = fast_shape([n * OVERSAMPLING for n in shape], margin * OVERSAMPLING)
    first = -(margin * OVERSAMPLING + (OVERSAMPLING - 1) / 2) * pitch
    with working_on(device) as worker:
        generator = torch.Generator(worker).manual_seed(int(rng.integers(2**62)))
        table = NO_CELLS if cells is None else cells
        opd, dark = draw(table, Field(grid, pitch, (first, first)), worker, measured_cells)
        opd *= 1 + organelles * grain(grid, pitch, ORGANELLE_UM, generator)
        rough = substrate(surface, grid, pitch, generator)

        def sampled(fine: Tensor) -> Tensor:
            part = fine[..., margin * OVERSAMPLING :, margin * OVERSAMPLING :]
            part = part[..., : shape[0] * OVERSAMPLING, : shape[1] * OVERSAMPLING]
            return torch.nn.functional.avg_pool2d(part, OVERSAMPLING)

        recorded, focused = [], []
        light = torch.from_numpy(uneven_light(shape, UNEVEN, rng)).to(worker)
        full = 1 / chosen.camera.exposure if chosen.camera.bits is None else 1.0
        for channel in range(len(chosen.wavelength_nm)):
            formed = images(opd + rough, dark, chosen, channel, (*planes, 0.0), pitch)
            seen = sampled(formed) * light
            focused.append((seen[-1] * chosen.camera.exposure).cpu().numpy())
            noisy = [chosen.camera.record(image, generator) for image in seen[:-1]]
            scale = chosen.camera.full_scale if chosen.camera.bits else full
            recorded.append(torch.stack(noisy).float().div(scale).cpu().numpy())
        truth = sampled(torch.stack([opd, rough])).cpu().numpy()
    return _dataset(np.stack(recorded, 1), np.stack(focused), truth, planes, chosen, surface)


def _checked_planes(defocus_um: float | Sequence[float]) -> tuple[float, ...]:
    planes = tuple(np.atleast_1d(np.asarray(defocus_um, float)).tolist())
    if not planes or not all(abs(z) <= FARTHEST_UM for z in planes):
        raise DistanceError(
            f"defocus_um is {planes}; give at least one plane within {FARTHEST_UM:g} um"
        )
    return planes


def _dataset(
    image: np.ndarray, focused: np.ndarray, truth: np.ndarray, planes: tuple[float, ...],
    chosen: Objective, surface: str,
) -> xr.Dataset:  # fmt: skip
    pitch = chosen.pixel_size_um
    what = f"{chosen.contrast.replace('phase', 'phase contrast')} image"
    return xr.Dataset(
        {
            "image": (
                ("position", "channel", "y", "x"), image,
                {"units": "1", "long_name": f"simulated {what}"},
            ),
            "truth_image": (
                ("channel", "y", "x"), focused,
                {"units": "1", "long_name": f"simulated {what} in focus, without noise"},
            ),
            **{
                f"truth_{name}": (
                    ("y", "x"), values,
                    {"units": "nm", "long_name": f"simulated true optical path difference{of}"},
                )
                for (name, of), values in zip(TRUTHS.items(), truth, strict=True)
            },
        },
        coords={
            "channel": list(chosen.channels),
            "simulated_defocus": ("position", list(planes), {"units": "um"}),
            "y": ("y", np.arange(image.shape[-2]) * pitch, {"units": "um"}),
            "x": ("x", np.arange(image.shape[-1]) * pitch, {"units": "um"}),
        },
        attrs={
            "pixel_size_um": pitch, "objective": chosen.name, "contrast": chosen.contrast,
            "simulated_surface": surface,
        },
    )  # fmt: skip
