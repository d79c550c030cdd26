import numpy as np
import pytest
import tifffile

from lensfree_nb.errors import OpeningError
from lensfree_nb.io.tiff import Plane, read_layout, read_planes
from tests import seeds

SHAPE = (24, 32)


def test_ome_times_and_a_date(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path, np.zeros((3, *SHAPE), np.uint16), photometric="minisblack",
        metadata={
            "axes": "TYX", "AcquisitionDate": "2024-05-01T10:00:00",
            "Plane": {"DeltaT": [0.0, 500.0, 1500.0], "DeltaTUnit": ["ms"] * 3},
        },
    )  # fmt: skip
    layout = read_layout(path, exposures=None, dim="wavelength")
    assert layout.offsets_s == (0.0, 0.5, 1.5)
    assert layout.start == np.datetime64("2024-05-01T10:00:00")
    assert layout.planes == ((Plane(0),), (Plane(1),), (Plane(2),))
    assert layout.pixel_size_um is None


def test_transparency_is_left_out(tmp_path):
    image = np.random.default_rng(seeds.PIXELS).integers(0, 255, (*SHAPE, 4)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", extrasamples=["unassalpha"])
    layout = read_layout(tmp_path / "a.tif", exposures=3, dim="wavelength")
    assert layout.planes == ((Plane(0, 0), Plane(0, 1), Plane(0, 2)),)
    planes = read_planes(tmp_path / "a.tif", list(layout.planes[0]), SHAPE)
    np.testing.assert_array_equal(np.stack(planes, -1), image[..., :3])


def test_channels_of_rgb_are_refused(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path, np.zeros((2, *SHAPE, 3), np.uint8), photometric="rgb", metadata={"axes": "CYXS"}
    )
    with pytest.raises(OpeningError, match="export one kind"):
        read_layout(path, exposures=None, dim="wavelength")


@pytest.mark.parametrize(("unit", "expected"), [("mm", 10.0), ("inch", None), ("pixel", None)])
def test_a_resolution_counts_only_with_a_unit_of_length(tmp_path, unit, expected):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.zeros(SHAPE, np.uint16), imagej=True, resolution=(100.0, 100.0),
        metadata={"unit": unit},
    )  # fmt: skip
    assert read_layout(path, exposures=None, dim="wavelength").pixel_size_um == expected


def test_heights_along_z(tmp_path):
    path = tmp_path / "a.tif"
    data = np.arange(2 * 3)[:, None, None] * np.ones(SHAPE)
    data = data.reshape(2, 3, *SHAPE).astype(np.uint16)
    tifffile.imwrite(path, data, imagej=True, metadata={"axes": "TZYX"})
    by_height = read_layout(path, exposures=3, dim="plane").planes
    assert [[plane.page for plane in row] for row in by_height] == [[0, 1, 2], [3, 4, 5]]
    assert len(read_layout(path, exposures=1, dim="wavelength").planes) == 6
