"""Where the cells of a culture lie: contact inhibition keeps centres apart, some pile up."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lensfree_nb.errors import ParameterError

Floats = NDArray[np.float64]
ROUNDS = 400
# Least distance between the centres of cells that keep apart.
SPACING_UM: Final = 25.0


def places_um(
    size_um: Floats,
    count: int,
    rng: np.random.Generator,
    *,
    spacing_um: float = SPACING_UM,
    piled: float = 0.0,
    periodic: bool = False,
) -> Floats:
    """Centres (count, 2; µm), uniform but for a least distance.

    The law is a hard core: no two centres are nearer than `spacing_um` (random sequential
    placing), save for a share `piled` that lie anywhere, as cells do that ride on others. In a
    `periodic` field it holds across the borders too.

    Raises
    ------
    ParameterError
        If that many do not fit.
    """
    riding = round(piled * count)
    period = size_um if periodic else None
    apart = _apart(size_um, count - riding, spacing_um, rng, period)
    return np.concatenate([apart, rng.uniform(0, size_um, (riding, 2))])


def _apart(
    size_um: Floats, count: int, spacing_um: float, rng: np.random.Generator, period: Floats | None
) -> Floats:
    centres = np.empty((0, 2))
    if spacing_um <= 0:
        return rng.uniform(0, size_um, (count, 2))
    for _ in range(ROUNDS):
        missing = count - len(centres)
        if missing <= 0:
            break
        candidates = rng.uniform(0, size_um, (2 * missing + 8, 2))
        centres = _with_more(centres, candidates, spacing_um, period)
    if len(centres) < count:
        raise ParameterError(
            f"{count} cells do not fit with {spacing_um:g} um between centres; lower the density "
            "or the spacing"
        )
    return centres[:count]


def _with_more(
    centres: Floats, candidates: Floats, spacing_um: float, period: Floats | None
) -> Floats:
    """Those candidates added, in their order, that keep their distance from all before them."""
    if len(centres):
        near = cKDTree(centres, boxsize=period).query(candidates)[0]
        candidates = candidates[near >= spacing_um]
    tree = cKDTree(candidates, boxsize=period)
    pairs = tree.query_pairs(spacing_um, output_type="ndarray")
    kept = np.ones(len(candidates), bool)
    for first, second in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]:
        if kept[first]:
            kept[second] = False
    return np.concatenate([centres, candidates[kept]])
