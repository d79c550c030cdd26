"""Which cells are shown, and which count in a distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lensfree_nb.errors import ParameterError


def checked_frame_number(ds: xr.Dataset, time: int) -> int:
    """The number of a frame, or an error that tells how many there are."""
    count = ds.sizes.get("time", 1)
    if not (isinstance(time, (int, np.integer)) and 0 <= time < count):
        raise ParameterError(f"time is {time!r}; give the number of a frame, 0 to {count - 1}")
    return int(time)


def is_whole(cells: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each cell is whole and trusted: neither cut by the border nor of a doubtful frame."""
    whole: NDArray[Any] = np.ones(len(cells), bool)
    if "edge" in cells:
        whole &= ~cells["edge"].to_numpy().astype(bool)
    if "trusted" in cells:
        whole &= cells["trusted"].to_numpy().astype(bool)
    return whole
