"""Small networks and images for the panel of focus."""

import io

import numpy as np
import tifffile
import torch
from scipy import ndimage

from lensfree_nb.nets.folded import FoldedUNet
from lensfree_nb.nets.grader import Grader
from lensfree_nb.nets.registry import save_network
from tests import seeds


def networks(folder):
    """Paths of an untrained sorter and an untrained restorer."""
    torch.manual_seed(seeds.PIXELS)
    grades = {"kind": "grader", "features": 4, "depth": 2, "inputs": 1, "outputs": 3}
    draws = {"kind": "folded", "features": 4, "depth": 2, "corrects": 1, "inputs": 2, "outputs": 1}
    sorter = save_network(
        Grader(1, 3, features=4, depth=2), {**grades, "task": "sort", "edges": [0.5, 2.0]},
        folder / "sorter.safetensors",
    )  # fmt: skip
    restorer = save_network(
        FoldedUNet(2, 1, features=4, depth=2, corrects=1), {**draws, "task": "restore"},
        folder / "restorer.safetensors",
    )  # fmt: skip
    return sorter.name, restorer.name


def tiff(number, height=70):
    """The bytes of an image: sharp where the number is even."""
    rng = np.random.default_rng([seeds.PIXELS, number])
    image = ndimage.gaussian_filter(rng.random((height, 80)), 0.5 + 1.5 * (number % 2))
    held = io.BytesIO()
    tifffile.imwrite(held, (60_000 * image).astype(np.uint16))
    return held.getvalue()


def stack():
    """The bytes of two images in one file."""
    held = io.BytesIO()
    tifffile.imwrite(held, np.ones((2, 70, 80), np.uint16), photometric="minisblack")
    return held.getvalue()
