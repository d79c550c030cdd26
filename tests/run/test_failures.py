import numpy as np
import pytest
import torch

from lensfree_nb.errors import (
    DataError,
    DistanceError,
    ExecutionError,
    OpeningError,
    ParameterError,
    SetupError,
)
from lensfree_nb.run.failures import is_of_the_frame


@pytest.mark.parametrize(
    "error",
    [
        DataError(), DistanceError(), OpeningError(), OSError(), ValueError(), ZeroDivisionError(),
        np.linalg.LinAlgError(), torch.linalg.LinAlgError(), RuntimeError("singular"),
    ],
    ids=repr,
)  # fmt: skip
def test_of_the_frame(error):
    assert is_of_the_frame(error)


@pytest.mark.parametrize(
    "error",
    [
        ExecutionError(), ParameterError(), SetupError(), TypeError(), KeyError(), MemoryError(),
        NotImplementedError(), RecursionError(), torch.AcceleratorError("lost"),
        RuntimeError("CUDA error: an illegal memory access"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=repr,
)  # fmt: skip
def test_of_the_run(error):
    assert not is_of_the_frame(error)
