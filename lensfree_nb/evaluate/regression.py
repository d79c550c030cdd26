"""How well a measurement agrees with its reference."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lensfree_nb.errors import DimensionError

MAD_TO_SIGMA = 1.4826
# Standard deviations to either side that hold 95 % of a normal distribution.
LIMITS = 1.96


@dataclass(frozen=True, slots=True)
class Agreement:
    """Regression of estimated on reference values, and the error between them.

    ``slope_low`` to ``slope_high`` and ``intercept_low`` to ``intercept_high`` are 95 % confidence
    intervals; ``bias_percent`` is the mean error relative to the mean of the reference,
    ``bias_t1_percent`` … ``bias_t3_percent`` that of each tercile of the reference; ``mad`` is
    equation 6 of Allier 2022. ``limits_low`` to ``limits_high`` hold 95 % of the errors where these
    are normal: the limits of agreement of Bland and Altman, Lancet 327, 307 (1986).
    """

    n: int
    r2: float
    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_low: float
    intercept_high: float
    bias_percent: float
    bias_t1_percent: float
    bias_t2_percent: float
    bias_t3_percent: float
    mad: float
    limits_low: float
    limits_high: float
    mean: float
    sd: float

    def as_dict(self) -> dict[str, Any]:
        """The same as a dictionary."""
        return asdict(self)


def agreement(estimated: ArrayLike, reference: ArrayLike) -> Agreement:
    """Score paired measurements.

    Parameters
    ----------
    estimated, reference : array_like, shape (n,)
        Paired values in one unit; pairs with a NaN are left out and not counted in ``n``. With
        fewer than three pairs the scores are NaN.

    Raises
    ------
    DimensionError
        If there are not as many of one as of the other.

    Examples
    --------
    >>> round(agreement([11, 22, 33, 44], [10, 20, 30, 40]).bias_percent, 6)
    10.0
    """
    e, r = np.asarray(estimated, float), np.asarray(reference, float)
    if e.shape != r.shape or e.ndim != 1:
        raise DimensionError(
            f"estimated has shape {e.shape} and reference {r.shape}; give lists of one length"
        )
    both = np.isfinite(e) & np.isfinite(r)
    e, r = e[both], r[both]
    n = len(r)
    if n < 3 or np.ptp(r) == 0:
        return Agreement(n, *[float("nan")] * 16)
    fit = stats.linregress(r, e)
    quantile = float(stats.t.ppf(0.975, n - 2))
    reach, reach_0 = quantile * fit.stderr, quantile * fit.intercept_stderr
    error = e - r
    terciles = np.array_split(np.argsort(r, kind="stable"), 3)
    thirds = [_percent(error[t].mean(), r[t].mean()) for t in terciles]
    return Agreement(
        n=n,
        r2=float(fit.rvalue**2),
        slope=float(fit.slope),
        slope_low=float(fit.slope - reach),
        slope_high=float(fit.slope + reach),
        intercept=float(fit.intercept),
        intercept_low=float(fit.intercept - reach_0),
        intercept_high=float(fit.intercept + reach_0),
        bias_percent=_percent(error.mean(), r.mean()),
        bias_t1_percent=thirds[0],
        bias_t2_percent=thirds[1],
        bias_t3_percent=thirds[2],
        mad=mad(error),
        limits_low=float(error.mean() - LIMITS * error.std(ddof=1)),
        limits_high=float(error.mean() + LIMITS * error.std(ddof=1)),
        mean=float(r.mean()),
        sd=float(r.std(ddof=1)),
    )


def _percent(part: float, whole: float) -> float:
    """NaN of a whole that is 0."""
    return 100 * float(part / whole) if whole else math.nan


def mad(error: ArrayLike) -> float:
    """Median absolute deviation from the median, scaled to a standard deviation (equation 6).

    >>> mad([1.0, 2.0, 3.0, 4.0, 100.0])
    1.4826
    """
    values = np.asarray(error, float)
    return MAD_TO_SIGMA * float(np.median(np.abs(values - np.median(values))))
