"""Which cells count in a distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def is_whole(cells: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each cell is whole and trusted: neither cut by the border nor of a doubtful frame."""
    whole: NDArray[Any] = np.ones(len(cells), bool)
    if "edge" in cells:
        whole &= ~cells["edge"].to_numpy().astype(bool)
    if "trusted" in cells:
        whole &= cells["trusted"].to_numpy().astype(bool)
    return whole
