"""Every cell's position, area, thickness, dry mass and length, from its outline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.measure import regionprops_table

from lensfree_nb.errors import ParameterError
from lensfree_nb.quantify.equations import ALPHA_UM3_PER_PG, dry_mass_pg
from lensfree_nb.quantify.segment import Floats, Labels, Settings, background_of, skirt

DENSITY_RADIUS_UM = 250.0


def measure_frame(
    opd_nm: Floats,
    labels: Labels,
    pixel_size_um: float,
    settings: Settings,
    *,
    alpha_um3_per_pg: float = ALPHA_UM3_PER_PG,
    properties: Sequence[str] = (),
) -> pd.DataFrame:
    """Measure the labelled cells of a frame.

    The major axis is that of the ellipse with the outline's second moments (as scikit-image's
    ``axis_major_length``); the dry mass is gathered over the outline and its skirt, above the
    background; the maximal OPD is above the background.

    Returns
    -------
    DataFrame
        One row a label, in their order: ``y_um, x_um, area_um2, dry_mass_pg, max_opd_nm,
        major_axis_um, edge`` and whatever `properties` name.

    Raises
    ------
    ParameterError
        If scikit-image knows no such property.
    """
    count = int(labels.max(initial=0))
    known = np.isfinite(opd_nm)
    level = background_of(opd_nm)[0] if known.any() else 0.0
    height = np.where(known, opd_nm - level, 0.0)
    pixels = _moments(labels, count)
    gathered = np.bincount(
        skirt(labels, pixel_size_um, settings).ravel(), height.ravel(), count + 1
    )[1:]
    peak = np.zeros(count + 1)
    np.maximum.at(peak, labels.ravel(), height.ravel())
    ovd_um3 = gathered * 1e-3 * pixel_size_um**2
    table = pd.DataFrame(
        {
            "y_um": pixels["y"] * pixel_size_um,
            "x_um": pixels["x"] * pixel_size_um,
            "area_um2": pixels["area"] * pixel_size_um**2,
            "dry_mass_pg": dry_mass_pg(ovd_um3, alpha_um3_per_pg),
            "max_opd_nm": peak[1:],
            "major_axis_um": pixels["major"] * pixel_size_um,
        }
    )
    table["edge"] = np.isin(np.arange(1, count + 1), _border_labels(labels))
    return table.assign(**_more(labels, height, properties))


def local_density(
    points_um: NDArray[np.float64], extent_um: Sequence[float]
) -> NDArray[np.float64]:
    """Cells per mm² within 250 µm of each cell, of the part of that disc inside the frame."""
    if not len(points_um):
        return np.empty(0)
    tree = cKDTree(points_um)
    neighbours = tree.query_ball_point(points_um, DENSITY_RADIUS_UM, return_length=True)
    # Sunflower points share a disc evenly: their share inside the frame is the disc's.
    n = np.arange(400)
    r, angle = DENSITY_RADIUS_UM * np.sqrt((n + 0.5) / 400), n * np.pi * (3 - np.sqrt(5))
    share = np.empty(len(points_um))
    for i, (y, x) in enumerate(points_um):
        yy, xx = y + r * np.sin(angle), x + r * np.cos(angle)
        share[i] = np.mean((yy >= 0) & (yy <= extent_um[0]) & (xx >= 0) & (xx <= extent_um[1]))
    return np.asarray(neighbours / (np.pi * (DENSITY_RADIUS_UM * 1e-3) ** 2 * share))


def _moments(labels: Labels, count: int) -> dict[str, NDArray[np.float64]]:
    y, x = np.nonzero(labels)
    which = labels[y, x]

    def mean(weights: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(which, weights, count + 1)[1:] / area)

    area = np.bincount(which, minlength=count + 1)[1:].astype(float)
    centre_y, centre_x = mean(y), mean(x)
    dy, dx = y - centre_y[which - 1], x - centre_x[which - 1]
    yy, xx, xy = mean(dy * dy), mean(dx * dx), mean(dy * dx)
    largest = (yy + xx) / 2 + np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
    return {"y": centre_y, "x": centre_x, "area": area, "major": 4 * np.sqrt(largest)}


def _border_labels(labels: Labels) -> Labels:
    return np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))


def _more(labels: Labels, height: Floats, properties: Sequence[str]) -> dict[str, Any]:
    if not properties:
        return {}
    try:
        return dict(regionprops_table(labels, height, properties=tuple(properties)))
    except AttributeError as error:
        raise ParameterError(
            f"properties: {error}; use names of skimage.measure.regionprops"
        ) from error
