"""What several of these tests open or divide: stacks of counts, and cells under uneven light."""

import os

import numpy as np
import torch

from lensfree_nb.io.opening import open_acquisition
from lensfree_nb.io.patterns import natural_key
from lensfree_nb.optics.propagation import propagate
from tests import seeds

RGB = (640.0, 530.0, 450.0)
SETUP = {"wavelength_nm": RGB, "pixel_size_um": 1.67}
SIZE = 256


def stack(*shape, dtype=np.uint16):
    """Random counts, each plane of its own brightness."""
    rng = np.random.default_rng(seeds.PIXELS)
    image = rng.normal(1000, 5, shape)
    planes = np.arange(np.prod(shape[:-2])).reshape(*shape[:-2], 1, 1)
    return (image + 100 * planes).astype(dtype)


def date_in_order(paths):
    """Give files the dates of an acquisition: ten minutes apart, in the order of their names."""
    for number, path in enumerate(sorted(paths, key=lambda p: natural_key(str(p)))):
        os.utime(path, (1_700_000_000 + 600 * number,) * 2)


def raw(paths, **options):
    return open_acquisition(paths, **{"background": None, "dead": None, **SETUP, **options})


def uneven_light(size=SIZE):
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    return 800 * (1 + 0.2 * x - 0.1 * y - 0.15 * (x**2 + y**2))


def cell_hologram(centres, size=SIZE):
    """In-line hologram of round cells of 300 nm OPD, 1 mm from the sensor (periodic field)."""
    y, x = np.mgrid[:size, :size]
    opd = sum(300 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 5.0**2)) for cy, cx in centres)
    field = torch.polar(torch.ones(size, size).double(), torch.tensor(2 * np.pi * opd / 530))
    return propagate(field, 1.67, 0.53, 1000.0).abs().numpy() ** 2


def moving(frames, rng, cells=6):
    return [cell_hologram(rng.uniform(20, SIZE - 20, (cells, 2))) for _ in range(frames)]
