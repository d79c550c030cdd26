"""Whose fault an error is: of one frame, which can be flagged, or of the whole run."""

from __future__ import annotations

import sys

from lensfree_nb.errors import (
    ExecutionError,
    LensfreeError,
    ModelError,
    ParameterError,
    SetupError,
)

# What a frame's own pixels can bring about: damaged data, arithmetic, a solver that gives up.
OF_THE_FRAME = (LensfreeError, ArithmeticError, OSError, RuntimeError, ValueError)
# What would be the same for the next frame: a wrong call, a device or network that is not there.
OF_THE_CALL = (
    ExecutionError, ModelError, ParameterError, SetupError, NotImplementedError, RecursionError,
)  # fmt: skip


def is_of_the_frame(error: Exception) -> bool:
    """Whether an error may be one frame's own, so that the next can go well.

    >>> is_of_the_frame(OSError("cut off")), is_of_the_frame(TypeError("a bug"))
    (True, False)
    """
    if isinstance(error, OF_THE_CALL) or _is_of_the_device(error):
        return False
    return isinstance(error, OF_THE_FRAME)


def _is_of_the_device(error: Exception) -> bool:
    """Whether the device failed, or the machine's memory: as it then does for every frame.

    torch says both with a plain RuntimeError (that of a GPU: before torch 2.8).
    """
    lost = getattr(sys.modules.get("torch"), "AcceleratorError", None)
    if lost is not None and isinstance(error, lost):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("CUDA error", "DefaultCPUAllocator")
    )
