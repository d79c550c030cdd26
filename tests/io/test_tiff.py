import uuid

import numpy as np
import pytest
import tifffile

from lensfree_nb.errors import OpeningError, QualityWarning
from lensfree_nb.io.opening import open_acquisition
from lensfree_nb.io.tiff import Plane, read_layout, read_planes, whole_series
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
    planes = read_planes(tmp_path / "a.tif", list(layout.planes[0]), SHAPE, layout.dtype)
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


OME = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}">'
    '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" '
    'SizeX="32" SizeY="24" SizeC="2" SizeZ="1" SizeT="3" PhysicalSizeX="1.67" '
    'PhysicalSizeXUnit="um">{channels}{parts}</Pixels></Image></OME>'
)


@pytest.fixture
def ome_series(tmp_path):
    """Three frames of two colours, a file a frame, each with the OME-XML of them all."""
    data = np.random.default_rng(seeds.FRAMES).integers(900, 1100, (3, 2, *SHAPE), np.uint16)
    ids = [uuid.UUID(int=n) for n in range(1, 4)]
    parts = "".join(
        f'<TiffData FirstT="{t}" FirstC="{c}" FirstZ="0" IFD="{c}" PlaneCount="1">'
        f'<UUID FileName="f{t}.ome.tif">urn:uuid:{one}</UUID></TiffData>'
        for t, one in enumerate(ids) for c in range(2)
    )  # fmt: skip
    channels = "".join(f'<Channel ID="Channel:0:{c}" SamplesPerPixel="1"/>' for c in range(2))
    for t, one in enumerate(ids):
        tifffile.imwrite(
            tmp_path / f"f{t}.ome.tif", data[t], photometric="minisblack", metadata=None,
            description=OME.format(own=one, channels=channels, parts=parts),
        )  # fmt: skip
    return tmp_path, data


def opened(paths):
    return open_acquisition(paths, wavelength_nm=(640, 450), background=None, dead=None)


@pytest.mark.parametrize("pattern", ["f0.ome.tif", "*.ome.tif", "f[12].ome.tif"])
def test_ome_over_several_files_holds_each_frame_once(ome_series, pattern):
    folder, data = ome_series
    ds = opened(str(folder / pattern))
    np.testing.assert_array_equal(ds["hologram"].values, data)
    assert ds.attrs["pixel_size_um"] == 1.67


def test_a_missing_file_of_an_ome_series_costs_its_own_frames(ome_series):
    folder, data = ome_series
    (folder / "f1.ome.tif").unlink()
    ds = opened(folder)
    with pytest.warns(QualityWarning, match="missing"):
        found = ds["hologram"].values
    np.testing.assert_array_equal(found[[0, 2]], data[[0, 2]])
    assert np.isnan(found[1]).all()


def test_two_ome_series_and_damaged_files(ome_series):
    folder, _ = ome_series
    for n in range(3):
        (folder / f"g{n}.tif").write_bytes(b"no tiff")
    series = sorted(folder.glob("*.ome.tif"))
    others = [folder / "g0.tif", folder / "g1.tif"]
    assert whole_series([*series, *others]) == [series[0], *others]
    assert whole_series([*others, *series]) == [*others, *series]
    (folder / "z.ome.tif").write_bytes(b"no tiff")
    assert whole_series([folder / "z.ome.tif"]) == [folder / "z.ome.tif"]


def test_images_written_one_by_one_are_one_stack(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for level in range(6):
            tif.write(np.full(SHAPE, 50 + level, np.uint8))
    ds = open_acquisition(
        tmp_path / "a.tif", wavelength_nm=(640, 530, 450), pixel_size_um=1.67,
        background=None, dead=None,
    )  # fmt: skip
    assert ds.hologram.mean(("y", "x")).values.tolist() == [[50, 51, 52], [53, 54, 55]]
    with tifffile.TiffWriter(tmp_path / "b.tif") as tif:
        for rows in (24, 30):
            tif.write(np.zeros((rows, 32), np.uint8))
    with pytest.raises(OpeningError, match="2 series"):
        read_layout(tmp_path / "b.tif", exposures=1, dim="wavelength")


def test_inverted_pixels_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros(SHAPE, np.uint8), photometric="miniswhite")
    with pytest.raises(OpeningError, match="miniswhite"):
        read_layout(tmp_path / "a.tif", exposures=1, dim="wavelength")
