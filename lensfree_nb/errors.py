"""Every error that the package raises on purpose.

Each message names the variable, says what is wrong with it and what to do about it.
All derive from :class:`LensfreeError`; those about values also derive from the built-in
a caller would expect (``ValueError``, ``OSError``, ``RuntimeError``).
"""

from __future__ import annotations

import warnings


class LensfreeError(Exception):
    """Base of every error of this package."""


class ContractError(LensfreeError, ValueError):
    """The input does not keep the data contract (``lensfree_nb.contract``)."""


class DimensionError(ContractError):
    """A dimension is missing, unexpected, or has the wrong length."""


class UnitError(ContractError):
    """A unit is missing, unknown, or not convertible to the one required."""


class SetupError(ContractError):
    """A number that describes the microscope is missing or impossible."""


class DataError(ContractError):
    """The values themselves cannot be used (infinite, negative, all unknown, ...)."""


class ParameterError(ContractError):
    """An argument of a verb has a value that it cannot take."""


class DistanceError(LensfreeError, ValueError):
    """The sample-to-sensor distance is missing, out of range, or was not found."""


class OpeningError(LensfreeError, OSError):
    """A file could not be read, or the files do not form one acquisition."""


class WritingError(LensfreeError, OSError):
    """Results cannot be written where they were to go."""


class ModelError(LensfreeError, ValueError):
    """A network's weights are missing, damaged, or made for other data."""


class TilingError(LensfreeError, ValueError):
    """A tile grid cannot be laid over the frame as asked."""


class ExecutionError(LensfreeError, RuntimeError):
    """Work was accepted but could not be carried out (device, memory, worker)."""


class LensfreeWarning(UserWarning):
    """Base of every warning of this package."""


class QualityWarning(LensfreeWarning):
    """A frame is usable but should not be trusted blindly."""


class PerformanceNote(LensfreeWarning):
    """Work was rearranged (rechunked, smaller tiles); the answer is the same."""


def raise_or_warn(error: LensfreeError, *, refuse: bool) -> None:
    """Raise an error, or say the same as a :class:`QualityWarning` of what is then flagged."""
    if refuse:
        raise error
    warnings.warn(str(error), QualityWarning, stacklevel=3)
