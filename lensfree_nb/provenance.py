"""What was done to a dataset, written into it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from lensfree_nb.versions import version_of


def provenance(ds: xr.Dataset, verb: str, **parameters: Any) -> dict[str, Any]:
    """The attributes of `ds` with one more line in its history of verbs (JSON).

    A history that is not one of this package's is kept as its first line.
    """
    before = ds.attrs.get("provenance", "[]")
    try:
        history = json.loads(before)
    except (TypeError, ValueError):
        history = before
    if not isinstance(history, list):
        history = [{"before": before}]
    history += [{"verb": verb, "version": version_of("lensfree_nb"), "parameters": parameters}]
    return {**ds.attrs, "provenance": json.dumps(history, default=_plain)}


def _plain(value: Any) -> Any:
    """What JSON knows nothing of: numbers of numpy as numbers, anything else as text."""
    return value.item() if isinstance(value, np.generic) else str(value)
