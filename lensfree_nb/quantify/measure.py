"""Every cell's position, area, thickness, dry mass and length, from its outline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import regionprops_table

from lensfree_nb.errors import ParameterError
from lensfree_nb.quantify.equations import ALPHA_UM3_PER_PG, dry_mass_pg, optical_volume_um3
from lensfree_nb.quantify.segment import Floats, Labels, Scene, skirt

DENSITY_RADIUS_UM = 250.0
UNKNOWN_REACH_PX = 2
# What scikit-image gives in the unit of the pixel pitch, or of the image.
UNIT_OF_PROPERTY = {
    "_um": {
        "axis_major_length", "axis_minor_length", "centroid", "centroid_local",
        "centroid_weighted", "centroid_weighted_local", "equivalent_diameter_area",
        "feret_diameter_max", "perimeter", "perimeter_crofton",
    },
    "_um2": {"area", "area_bbox", "area_convex", "area_filled"},
    "_nm": {"intensity_max", "intensity_mean", "intensity_median", "intensity_min"},
    "_px": {"bbox"},
}  # fmt: skip


def measure(
    scene: Scene,
    labels: Labels,
    *,
    alpha_um3_per_pg: float = ALPHA_UM3_PER_PG,
    properties: Sequence[str] = (),
) -> pd.DataFrame:
    """Measure the labelled cells of a frame or window.

    The major axis is that of the ellipse with the outline's second moments (as scikit-image's
    ``axis_major_length``); the dry mass is gathered over the outline and its skirt, above the
    background; the maximal OPD is that of the highest pixel above the background, and noise
    raises it: by two to three standard deviations of it on a cell as flat as a fibroblast.

    Returns
    -------
    DataFrame
        One row a label, in their order: ``y_um, x_um, area_um2, dry_mass_pg, max_opd_nm,
        major_axis_um, edge, cut`` and whatever `properties` name, each with its unit. ``edge``
        tells that a cell touches the frame's border, ``cut`` that it touches unknown pixels:
        part of it may be missing.

    Raises
    ------
    ParameterError
        If scikit-image knows no such property.
    """
    count = int(labels.max(initial=0))
    height, pitch = scene.height_nm, scene.pixel_size_um
    pixels = _moments(labels, count)
    gathered: NDArray[np.float64] = np.bincount(
        skirt(labels, scene).ravel(), height.ravel(), count + 1
    )[1:].astype(float)
    cells = np.arange(1, count + 1)
    table = pd.DataFrame(
        {
            "y_um": pixels["y"] * pitch,
            "x_um": pixels["x"] * pitch,
            "area_um2": pixels["area"] * pitch**2,
            "dry_mass_pg": dry_mass_pg(optical_volume_um3(gathered, pitch), alpha_um3_per_pg),
            "max_opd_nm": np.asarray(ndimage.maximum(height, labels, cells)).reshape(count),
            "major_axis_um": pixels["major"] * pitch,
            "edge": np.isin(cells, _border_labels(labels)),
            "cut": np.isin(cells, _labels_beside_unknown(labels, scene.known)),
        }
    )
    return table.assign(**_more(labels, height, pitch, properties))


def local_density(
    points_um: NDArray[np.float64],
    extent_um: Sequence[float],
    radius_um: float = DENSITY_RADIUS_UM,
) -> NDArray[np.float64]:
    """Cells per mm² within `radius_um` of each cell, of the part of that disc inside the frame."""
    if not len(points_um):
        return np.empty(0)
    tree = cKDTree(points_um)
    neighbours = tree.query_ball_point(points_um, radius_um, return_length=True)
    # Sunflower points share a disc evenly: their share inside the frame is the disc's.
    n = np.arange(400)
    r, angle = radius_um * np.sqrt((n + 0.5) / 400), n * np.pi * (3 - np.sqrt(5))
    disc, extent = np.stack([r * np.sin(angle), r * np.cos(angle)], 1), np.asarray(extent_um)
    share = np.ones(len(points_um))
    away = np.minimum(points_um, extent - points_um).min(axis=1)
    near = away < radius_um
    spread = points_um[near, None] + disc
    share[near] = ((spread >= 0) & (spread <= extent)).all(-1).mean(1)
    return np.asarray(neighbours / (np.pi * (radius_um * 1e-3) ** 2 * share))


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


def _labels_beside_unknown(labels: Labels, known: NDArray[np.bool_]) -> Labels:
    if known.all():
        return np.empty(0, np.int32)
    return np.unique(labels[ndimage.binary_dilation(~known, iterations=UNKNOWN_REACH_PX)])


def _more(
    labels: Labels, height: Floats, pitch_um: float, properties: Sequence[str]
) -> dict[str, Any]:
    if not properties:
        return {}
    try:
        found = regionprops_table(
            labels, height, properties=tuple(properties), spacing=(pitch_um, pitch_um)
        )
    except (AttributeError, NotImplementedError) as error:
        raise ParameterError(
            f"properties: {error}; use names of skimage.measure.regionprops"
        ) from error
    return {f"{name}{_unit(name)}": values for name, values in found.items()}


def _unit(name: str) -> str:
    base = name.split("-")[0]
    return next((unit for unit, names in UNIT_OF_PROPERTY.items() if base in names), "")
