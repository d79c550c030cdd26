import numpy as np
import tifffile
import xarray as xr

import lensfree_nb as lf
from lensfree_nb.io.instrument_files import write_instrument_files
from lensfree_nb.simulate.instrument import PAPER_SETUP

SETUP = {"pixel_size_um": 1.67, "background": None, "dead": None}


def test_what_is_written_opens_again(holograms, tmp_path):
    folder = write_instrument_files(holograms, tmp_path / "day")
    assert len(list(folder.iterdir())) == 6
    ds = lf.open_acquisition(folder, **SETUP)
    assert tuple(ds["wavelength"].values) == PAPER_SETUP.wavelength_nm
    assert (ds["time"].values == holograms["time"].values).all()
    expected = np.minimum(np.rint(holograms["hologram"].values * 20_000), 65_535)
    np.testing.assert_array_equal(ds["hologram"], expected)


def test_counts_stay_and_missing_frames_leave_no_file(tmp_path):
    counts = np.full((2, 1, 8, 9), 7, np.float32)
    counts[1] = np.nan
    hologram = xr.DataArray(
        counts, dims=("time", "plane", "y", "x"), attrs={"units": "counts", "full_scale": 255.0}
    )
    write_instrument_files(xr.Dataset({"hologram": hologram}), tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.name == "frame_00000_z0.tif"
    image = tifffile.imread(path)
    assert image.dtype == np.uint8
    assert (image == 7).all()
