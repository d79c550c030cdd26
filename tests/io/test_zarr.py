import numpy as np
import pytest
import xarray as xr
import zarr

from lensfree_nb import contract
from lensfree_nb.errors import OpeningError, SetupError
from lensfree_nb.io.opening import open_acquisition
from lensfree_nb.microscope import Setup
from tests.io.scenes import RGB, raw, stack


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr(tmp_path, version):
    data = stack(2, 3, 24, 32)
    path = str(tmp_path / "ome.zarr")
    zarr_format = 2 if version == "0.4" else 3
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    group.create_array("0", data=data)
    scale = {"type": "scale", "scale": [10.0, 1.0, 1.67, 1.67]}
    metadata = {
        "multiscales": [
            {
                "axes": [
                    {"name": "t", "type": "time", "unit": "minute"},
                    {"name": "c", "type": "channel"},
                    {"name": "y", "type": "space", "unit": "micrometer"},
                    {"name": "x", "type": "space", "unit": "micrometer"},
                ],
                "datasets": [{"path": "0", "coordinateTransformations": [scale]}],
            }
        ],
        "omero": {"channels": [{"emission_wavelength": w} for w in RGB]},
    }
    group.attrs.update(metadata if version == "0.4" else {"ome": {"version": version, **metadata}})
    ds = open_acquisition(path, background=None)
    assert contract.setup_of(ds) == Setup(RGB, 1.67)
    assert np.diff(ds.time.values)[0] == np.timedelta64(10, "m")
    assert ds.hologram.chunks == ((1, 1), (3,), (24,), (32,))
    np.testing.assert_array_equal(ds.hologram.values, data)
    with pytest.raises(OpeningError, match="3 positions along 'c'"):
        open_acquisition(path, dim="plane", wavelength_nm=530)


def test_bare_zarr_array_and_foreign_groups(tmp_path):
    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=(3, 24, 32), dtype="uint16")
    array[:] = stack(3, 24, 32)
    ds = raw(tmp_path / "a.zarr")
    np.testing.assert_array_equal(ds.hologram[0].values, stack(3, 24, 32))
    xr.Dataset({"opd": ("x", [1.0])}).to_zarr(tmp_path / "b.zarr", consolidated=False)
    with pytest.raises(OpeningError, match="no hologram"):
        raw(tmp_path / "b.zarr")


def test_the_whole_images_scale_counts_and_pixels_are_square(tmp_path):
    import zarr

    def write(name, level, whole, unit="micrometer"):
        group = zarr.open_group(tmp_path / name, mode="w")
        group.create_array("0", data=np.ones((1, 8, 9), np.uint16))
        axes = [{"name": "c"}, {"name": "y", "unit": unit}, {"name": "x", "unit": unit}]
        scales = [[{"type": "scale", "scale": s}] for s in (level, whole)]
        group.attrs["ome"] = {
            "multiscales": [
                {
                    "axes": axes,
                    "datasets": [{"path": "0", "coordinateTransformations": scales[0]}],
                    "coordinateTransformations": scales[1],
                }
            ]
        }
        return tmp_path / name

    def opened(path, **more):
        return open_acquisition(path, wavelength_nm=530, background=None, dead=None, **more)

    ds = opened(write("a.zarr", [1, 1, 1], [1, 1.67, 1.67]))
    assert ds.attrs["pixel_size_um"] == pytest.approx(1.67)
    with pytest.raises(SetupError, match="square"):
        opened(write("b.zarr", [1, 2.5, 1.67], [1, 1, 1]))
    ds = opened(write("c.zarr", [1, 1, 1], [1, 1, 1], "pixel"), pixel_size_um=2.0)
    assert ds.attrs["pixel_size_um"] == 2.0
