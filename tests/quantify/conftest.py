"""OPD that means nothing, and a network that learned nothing."""

import numpy as np
import pytest

import lensfree_nb as lf
from tests import seeds
from tests.quantify.networks import saved


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("weights") / "rough.safetensors")


@pytest.fixture(scope="module")
def ds():
    rng = np.random.default_rng(seeds.NOISE)
    opd = rng.normal(0, 60, (2, 150, 190)).astype(np.float32)
    times = np.array(["2024-05-01T12:00", "2024-05-01T12:10"], "M8[ns]")
    return lf.from_opd(opd, pixel_size_um=1.67, time=times)
