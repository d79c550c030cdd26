"""Shapes known in closed form, and the pipeline on them; and networks that learned nothing."""

import numpy as np
import pytest

import lensfree_nb as lf
from lensfree_nb.quantify.measure import measure
from lensfree_nb.quantify.segment import Settings, scene_of, segment_scene
from tests import seeds
from tests.quantify.networks import saved

PITCH = 1.67


@pytest.fixture(scope="session")
def dome():
    """A half-ellipsoid: volume 2/3 pi a b h, outline an ellipse of semi-axes a, b (px)."""

    def draw(shape, y, x, a, b, height, angle=0.0):
        yy, xx = np.mgrid[: shape[0], : shape[1]].astype(float)
        u = (xx - x) * np.cos(angle) + (yy - y) * np.sin(angle)
        v = (yy - y) * np.cos(angle) - (xx - x) * np.sin(angle)
        return height * np.sqrt(np.clip(1 - (u / a) ** 2 - (v / b) ** 2, 0, None))

    return draw


@pytest.fixture(scope="session")
def measured():
    """Labels and table of an OPD image."""

    def run(opd, properties=(), **options):
        scene = scene_of(opd, PITCH, Settings(**options))
        labels = segment_scene(scene)
        return labels, measure(scene, labels, properties=properties)

    return run


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("weights") / "rough.safetensors")


@pytest.fixture(scope="module")
def ds():
    rng = np.random.default_rng(seeds.NOISE)
    opd = rng.normal(0, 60, (2, 150, 190)).astype(np.float32)
    times = np.array(["2024-05-01T12:00", "2024-05-01T12:10"], "M8[ns]")
    return lf.from_opd(opd, pixel_size_um=1.67, time=times)
