"""Cells that were measured, not drawn: phase images of real cells as members of a culture."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects
from skimage.transform import downscale_local_mean

from lensfree_nb.errors import DataError, ParameterError, QualityWarning
from lensfree_nb.simulate.shapes import OUTLINE_FRACTION, Columns, Layers, turned

FINEST_UM: Final = 0.4
RIM_PX: Final = 3
FAINT_NM: Final = 10.0
BEYOND: Final = 2.0


@dataclass(frozen=True, slots=True)
class MeasuredCells:
    """OPD of single cells, each in a square window of its own.

    Parameters
    ----------
    opd_nm : ndarray, shape (n, side, side), float32
        Background 0, cell in the middle.
    radius : ndarray, shape (n, side, side), float32
        Below 1 inside the outline (a fifth of the highest OPD), above 1 outside of it, by the
        distance from it over the radius of a disc of the same area.
    pitch_um : float
        Distance of two points.
    """

    opd_nm: NDArray[np.float32]
    radius: NDArray[np.float32]
    pitch_um: float

    @classmethod
    def of(cls, images: Iterable[NDArray[np.floating]], pixel_size_um: float) -> MeasuredCells:
        """From images of one cell each.

        What is negative becomes 0. Images finer than 0.4 µm are averaged to about that pitch.

        Parameters
        ----------
        images : iterable of ndarray, shape (y, x)
            OPD (nm) over a background of 0.
        pixel_size_um : float
            Their pitch.

        Raises
        ------
        ParameterError
            If there is no image, or the pitch is no length.
        DataError
            If an image has an unknown pixel, or nothing above 0.

        Examples
        --------
        >>> cells = MeasuredCells.of([np.pad(np.full((20, 10), 90.0), 4)], 0.2)
        >>> cells.opd_nm.shape, cells.pitch_um
        ((1, 14, 14), 0.4)
        """
        if not 0 < pixel_size_um < np.inf:
            raise ParameterError(f"pixel_size_um is {pixel_size_um}; it must be > 0")
        step = max(1, int(FINEST_UM / pixel_size_um + 1e-9))
        found = [_clean(np.asarray(image, np.float32), step) for image in images]
        if not found:
            raise ParameterError("images is empty; give at least one image of a cell")
        highest = max(float(image.max()) for image in found)
        if highest < FAINT_NM:
            warnings.warn(
                f"the thickest cell has {highest:.3g} nm; images must be OPD in nm (a phase in "
                "rad times wavelength / 2 pi)",
                QualityWarning,
                stacklevel=2,
            )
        side = max(max(image.shape) for image in found)
        windows = np.zeros((len(found), side, side), np.float32)
        for window, image in zip(windows, found, strict=True):
            top, left = ((side - n) // 2 for n in image.shape)
            window[top : top + image.shape[0], left : left + image.shape[1]] = image
        radius = np.stack([_normalised_radius(window) for window in windows])
        return cls(windows, radius, pixel_size_um * step)

    @classmethod
    def cut(
        cls, opd_nm: NDArray[np.floating], labels: NDArray[np.integer], pixel_size_um: float
    ) -> MeasuredCells:
        """From an image of many cells and their labels, as of ``segment``.

        Cells at the border, and those beside another within 3 px, are left out.

        Parameters
        ----------
        opd_nm : ndarray, shape (y, x)
            OPD over a background of 0.
        labels : ndarray of int, shape (y, x)
            0 where there is no cell.
        pixel_size_um : float
            Their pitch.

        Raises
        ------
        ParameterError
            If shapes differ, or no cell is left.
        """
        opd, numbers = np.asarray(opd_nm), np.asarray(labels)
        if opd.shape != numbers.shape or opd.ndim != 2:
            raise ParameterError(f"opd_nm is {opd.shape}, labels {numbers.shape}; both are (y, x)")
        images = []
        for number, place in enumerate(find_objects(numbers), start=1):
            if place is None:
                continue
            around = tuple(slice(s.start - RIM_PX, s.stop + RIM_PX) for s in place)
            inside = (s.start >= 0 and s.stop <= n for s, n in zip(around, opd.shape, strict=True))
            if all(inside) and set(np.unique(numbers[around])) == {0, number}:
                images.append(opd[around])
        if not images:
            raise ParameterError("labels holds no cell that stands alone, off the border")
        return cls.of(images, pixel_size_um)

    def rows(self, count: int, rng: np.random.Generator) -> pd.DataFrame:
        """That many of them, each turned at random: columns of a culture table."""
        which = rng.integers(len(self.opd_nm), size=count)
        # The window reaches as far as its corner, however the cell is turned.
        corner = self.pitch_um * self.opd_nm.shape[-1] / 2**0.5
        return pd.DataFrame(
            {
                "kind": np.full(count, "measured", object),
                "measured_cell": which,
                "semi_major_um": corner,
                "semi_minor_um": corner,
                "angle_rad": rng.uniform(0, 2 * np.pi, count),
                "height_nm": self.opd_nm.max(axis=(1, 2))[which].astype(float),
            }
        )

    def layers(self, cell: Columns, dy: torch.Tensor, dx: torch.Tensor) -> Layers:
        """Their shapes, as :mod:`lensfree_nb.simulate.shapes` gives those of drawn cells."""
        which = cell["measured_cell"].flatten().long().cpu().numpy()
        images = np.stack([self.opd_nm[which], BEYOND - self.radius[which]], 1)
        along, across = turned(cell["angle_rad"], dy, dx)
        half = self.pitch_um * (self.opd_nm.shape[-1] - 1) / 2
        grid = torch.stack([along, across], -1) / half
        windows = torch.from_numpy(images).to(dy.device)
        opd, nearness = torch.nn.functional.grid_sample(windows, grid, align_corners=True).unbind(1)
        highest = windows[:, :1].amax((2, 3))[:, :, None]
        return Layers(opd / highest, torch.zeros_like(opd), BEYOND - nearness)


def _clean(image: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    if image.ndim != 2 or not np.isfinite(image).all():
        raise DataError(f"an image of shape {image.shape} is no (y, x), or unknown somewhere")
    if not (image > 0).any():
        raise DataError("an image has nothing above 0: no cell is in it")
    averaged = downscale_local_mean(np.maximum(image, 0), (step, step)) if step > 1 else image
    return np.asarray(np.maximum(averaged, 0), np.float32)


def _normalised_radius(window: NDArray[np.float32]) -> NDArray[np.float32]:
    inside = window > OUTLINE_FRACTION * window.max()
    apart = distance_transform_edt(~inside) - distance_transform_edt(inside)
    equal = np.sqrt(inside.sum() / np.pi)
    return np.asarray(np.clip(1 + apart / equal, 0, BEYOND), np.float32)
