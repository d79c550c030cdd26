"""What a metrologist would ask for: microspheres, a step, a bar target, each known in advance."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lensfree_nb.checks import check_number, check_rng, checked_shape
from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.spacing import places_um
from lensfree_nb.simulate.truth import measured

Floats = NDArray[np.float32]
BARS: Final = 3


def microspheres(
    shape: tuple[int, int],
    diameter_um: float,
    index: float,
    *,
    rng: np.random.Generator,
    medium_index: float = 1.333,
    count: int = 20,
    pixel_size_um: float = 1.67,
    absorbance: float = 0.0,
) -> pd.DataFrame:
    """Spheres of known size and index, well apart, as a table that ``acquire`` takes.

    As thin objects: ``OPD(r) = 2 (index - medium_index) sqrt(R² - r²)``. That leaves out what a
    sphere refracts and reflects. Held against Mie's series (Bohren & Huffman 1983, ch. 4) at 1 mm,
    holograms of spheres of 1 to 10 µm differ by a few per cent of their contrast where the index
    is a cell's, and by about a tenth for silica and polystyrene in water; a 1 µm bead shows too
    weakly (`python benchmarks/simulator.py` prints the figures). Side bands far off the axis need
    Mie's theory.

    Parameters
    ----------
    shape : (int, int)
        Field (px).
    diameter_um : float
        Diameter of every sphere (µm).
    index, medium_index : float
        Refractive index of the sphere (polystyrene 1.59, silica 1.46) and around it.
    rng : numpy Generator
        Source of the places.
    count : int
        How many.
    pixel_size_um : float
        Pixel pitch (µm).
    absorbance : float
        At the centre, of the amplitude.

    Raises
    ------
    ParameterError
        If a number is impossible, the sphere lighter than its medium, or they do not fit.
    """
    if not 0 < diameter_um < np.inf or count < 1:
        raise ParameterError(f"diameter_um is {diameter_um}, count {count}; both must be > 0")
    if not index > medium_index >= 1:
        raise ParameterError(
            f"index is {index}, medium_index {medium_index}; needed is index > medium_index >= 1"
        )
    check_rng(rng)
    check_number("absorbance", absorbance)
    check_number("pixel_size_um", pixel_size_um, open_low=True)
    size_um = np.asarray(checked_shape(shape)) * pixel_size_um
    points = places_um(size_um, count, rng, spacing_um=4 * diameter_um)
    radius = diameter_um / 2
    spheres = pd.DataFrame(
        {
            "kind": np.full(count, "round", object),
            "y_um": points[:, 0],
            "x_um": points[:, 1],
            "semi_major_um": radius,
            "semi_minor_um": radius,
            "angle_rad": 0.0,
            "height_nm": (index - medium_index) * diameter_um * 1e3,
            "absorbance": absorbance,
            "contact": 0.0,
        }
    )
    return measured(spheres, grid_um=diameter_um / 60)


def step(
    shape: tuple[int, int], height_nm: float, *, angle_rad: float = 0.1, oversampling: int = 2
) -> Floats:
    """An edge through the middle of the field: OPD (nm), 0 on one side, `height_nm` on the other.

    Slightly turned, as for a slanted-edge measurement (ISO 12233), and averaged over each point.

    Returns
    -------
    ndarray, float32, shape (y, x) times `oversampling`
        For ``acquire(None, shape, opd_nm=...)`` of an instrument with that oversampling.
    """
    y, x = ((np.arange(n * oversampling) + 0.5) / oversampling - n / 2 for n in shape)
    beyond = (x[None] * np.cos(angle_rad) + y[:, None] * np.sin(angle_rad)) * oversampling
    return np.asarray(height_nm * np.clip(beyond + 0.5, 0, 1), np.float32)


def bar_target(
    shape: tuple[int, int],
    height_nm: float = 100.0,
    *,
    widths_um: tuple[float, ...] = (8.0, 5.6, 4.0, 2.8, 2.0),
    pixel_size_um: float = 1.67,
    oversampling: int = 2,
) -> tuple[Floats, pd.DataFrame]:
    """A target in the manner of USAF 1951: groups of three bars, upright and lying, ever finer.

    Parameters
    ----------
    height_nm : float
        OPD of a bar (nm): a phase target.
    widths_um : tuple of float
        Width of the bars of each group (µm); the gaps are as wide, the bars five times as long.

    Returns
    -------
    ndarray, float32, shape (y, x) times `oversampling`
        OPD (nm), averaged over each point.
    DataFrame
        One row a group: ``width_um, upright, y_um, x_um`` (its centre).

    Raises
    ------
    ParameterError
        If the groups do not fit into the field.
    """
    for width in widths_um:
        check_number("widths_um", width, open_low=True)
    fine = [n * oversampling for n in checked_shape(shape)]
    pitch = pixel_size_um / oversampling
    target = np.zeros(fine, np.float32)
    rows, top = [], 0.0
    for width in widths_um:
        side = 5 * width
        top += side
        for upright, left in ((True, side), (False, 3 * side)):
            if top + 1.5 * side > fine[0] * pitch or left + 1.5 * side > fine[1] * pitch:
                raise ParameterError(
                    f"bars of {width:g} um do not fit into {shape}; these widths need about "
                    f"{math.ceil(12.5 * sum(widths_um) / pixel_size_um)} rows and "
                    f"{math.ceil(22.5 * max(widths_um) / pixel_size_um)} columns"
                )
            for bar in range(BARS):
                shift = 2 * bar * width
                bars_down = (top, side) if upright else (top + shift, width)
                bars_across = (left + shift, width) if upright else (left, side)
                target += np.outer(
                    _coverage(fine[0], pitch, *bars_down), _coverage(fine[1], pitch, *bars_across)
                )
            # The field begins half a pixel before the centre of its first pixel.
            y_um, x_um = (corner + side / 2 - pixel_size_um / 2 for corner in (top, left))
            rows.append({"width_um": width, "upright": upright, "y_um": y_um, "x_um": x_um})
        top += 1.5 * side
    return np.asarray(height_nm * target, np.float32), pd.DataFrame(rows)


def _coverage(count: int, pitch_um: float, start_um: float, length_um: float) -> Floats:
    """Share of each of `count` points that an interval covers."""
    edges = np.arange(count + 1) * pitch_um
    last, first = np.minimum(edges[1:], start_um + length_um), np.maximum(edges[:-1], start_um)
    return np.asarray(np.clip(last - first, 0, None) / pitch_um, np.float32)
