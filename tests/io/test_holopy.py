import numpy as np
import pytest
import tifffile
import xarray as xr

from lensfree_nb import contract
from lensfree_nb.errors import DimensionError, OpeningError, SetupError
from lensfree_nb.io import holopy
from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.io.holopy import is_holopy, read_description, read_holopy
from lensfree_nb.io.opening import open_acquisition
from lensfree_nb.microscope import Setup
from tests import seeds
from tests.io.scenes import stack


def image(**changes):
    """As HoloPy's load_image gives it: z, x, y; µm; setup in attrs."""
    array = xr.DataArray(
        np.random.default_rng(seeds.PIXELS).uniform(50, 200, (1, 20, 30)),
        dims=("z", "x", "y"),
        coords={"z": [0.0], "x": 0.0851 * np.arange(20), "y": 0.0851 * np.arange(30)},
        attrs={
            "medium_index": 1.33,
            "illum_wavelen": 0.66,
            "illum_polarization": None,
            "noise_sd": 0.06,
        },
    )
    return array.assign_attrs(changes)


def test_setup_is_read_from_the_object():
    source = image()
    ds = acquisition(source, distance_um=20)
    setup = contract.setup_of(ds)
    assert setup.wavelength_nm == (660.0,)
    assert setup.pixel_size_um == 0.0851
    assert setup.medium_index == 1.33
    assert ds.hologram.dims == ("wavelength", "y", "x")
    np.testing.assert_array_equal(ds.hologram[0].values, source[0].values.T)
    assert ds.hologram.attrs["noise_sd"] == 0.06


def test_arguments_win():
    ds = acquisition(image(), wavelength_nm=500, pixel_size_um=0.1, medium_index=1.5)
    assert contract.setup_of(ds) == Setup((500.0,), 0.1, medium_index=1.5)


def test_colours_along_illumination():
    source = image().isel(z=0, drop=True).expand_dims(illumination=["red", "green"])
    wavelengths = xr.DataArray([0.66, 0.52], dims="illumination")
    array, setup = read_holopy(source.assign_attrs(illum_wavelen=wavelengths))
    assert array.dims == ("wavelength", "y", "x")
    assert setup["wavelength_nm"] == (660.0, 520.0)


def test_what_is_no_hologram_is_refused():
    assert not is_holopy(np.ones((3, 3)))
    assert not is_holopy(xr.DataArray(np.ones((3, 3)), dims=("y", "x")))
    volume = xr.concat([image(), image()], "z")
    with pytest.raises(DimensionError, match="2 positions z"):
        read_holopy(volume)
    with pytest.raises(SetupError, match="square"):
        read_holopy(image().assign_coords(x=0.1 * np.arange(20)))
    with pytest.raises(DimensionError, match="expected x, y"):
        read_holopy(image().expand_dims("point"))


def test_tiff_with_holopys_description(tmp_path):
    text = "{illum_wavelen: 0.66, medium_index: 1.33, noise_sd: 0.05, spacing: [0.1, 0.1]}"
    tifffile.imwrite(tmp_path / "h.tif", np.ones((20, 30), np.uint8), description=text)
    ds = open_acquisition(tmp_path / "h.tif")
    assert contract.setup_of(ds) == Setup((660.0,), 0.1, medium_index=1.33)
    assert read_description("noise_sd: [") == {}
    assert read_description("about noise_sd") == {}


def test_netcdf4_names_what_reads_it(tmp_path, monkeypatch):
    path = tmp_path / "h.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    monkeypatch.setattr(holopy, "find_spec", lambda name: None)
    with pytest.raises(OpeningError, match=r"pip install 'lensfree_nb\[holopy\]'"):
        open_acquisition(path)
    monkeypatch.setattr(holopy, "find_spec", lambda name: True)
    with pytest.raises(OpeningError, match="check that the file is complete"):
        open_acquisition(path)


def test_netcdf_of_holopy(tmp_path):
    image = xr.DataArray(
        stack(1, 20, 30).astype(float),
        dims=("z", "x", "y"),
        coords={"z": [0.0], "x": 0.1 * np.arange(20), "y": 0.1 * np.arange(30)},
        attrs={"illum_wavelen": 0.66, "medium_index": 1.33},
    )
    image.to_netcdf(tmp_path / "h.nc", engine="scipy")
    ds = open_acquisition(tmp_path / "h.nc", background=None)
    assert contract.setup_of(ds).wavelength_nm == (660.0,)
    (tmp_path / "bad.nc").write_text("no")
    with pytest.raises(OpeningError, match="NetCDF"):
        open_acquisition(tmp_path / "bad.nc")
