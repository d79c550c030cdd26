"""Numbers, counts, shapes and seeds: what is refused at the doors, in one wording."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from lensfree_nb.errors import ParameterError


def checked_shape(shape: Any, name: str = "shape") -> tuple[int, int]:
    """Rows and columns, as two whole numbers > 0.

    >>> checked_shape([64, np.int64(80)])
    (64, 80)
    """
    try:
        height, width = (operator.index(n) for n in shape)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} is {shape!r}; give (rows, columns) in px") from None
    if height < 1 or width < 1:
        raise ParameterError(f"{name} is {shape!r}; both numbers of px must be > 0")
    return height, width


def check_number(
    name: str, value: Any, low: float = 0.0, high: float = math.inf, *, open_low: bool = False
) -> None:
    """Refuse what is no finite number between `low` and `high`."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (real and math.isfinite(value) and low <= value <= high) or (open_low and value <= low):
        least = f"{'>' if open_low else '>='} {low:g}"
        most = f" and <= {high:g}" if math.isfinite(high) else ""
        raise ParameterError(f"{name} is {value!r}; it must be a number {least}{most}")


def check_count(name: str, value: Any, least: int = 0, most: int | None = None) -> None:
    """Refuse what is no whole number of at least `least` and, where given, at most `most`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not (whole and value >= least and (most is None or value <= most)):
        end = "" if most is None else f" and <= {most}"
        raise ParameterError(f"{name} is {value!r}; it must be a whole number >= {least}{end}")


def check_flag(name: str, value: Any) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} is {value!r}; use True or False")


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuse what is none of the words that may be said."""
    known = tuple(choices)
    if value not in known:
        raise ParameterError(f"{name} is {value!r}; use one of {', '.join(known)}")


def check_rng(rng: Any) -> None:
    """Refuse what is no source of random numbers."""
    if not isinstance(rng, np.random.Generator):
        raise ParameterError(f"rng is {rng!r}; give numpy.random.default_rng(SEED)")


def checked_seed(seed: Any, name: str = "seed") -> int:
    """A whole number >= 0."""
    try:
        number = -1 if isinstance(seed, bool | np.bool_) else operator.index(seed)
    except TypeError:
        number = -1
    if number < 0:
        raise ParameterError(f"{name} is {seed!r}; give a whole number >= 0")
    return number
