import dask.array as da
import numpy as np
import pytest

from lensfree_nb.errors import DataError, DimensionError, ParameterError
from lensfree_nb.io.off_axis import demodulate, find_carrier, from_off_axis, unwrapped_phase
from tests import seeds

WAVELENGTH = 633.0


def known(shape=(256, 300)):
    """OPD of two cells, one of them more than a wavelength thick, and absorption of one."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    opd = 900 * np.exp(-((y - 120) ** 2 + (x - 100) ** 2) / (2 * 30**2))
    opd += 200 * np.exp(-((y - 150) ** 2 + (x - 210) ** 2) / (2 * 15**2))
    absorption = 0.3 * np.exp(-((y - 150) ** 2 + (x - 210) ** 2) / (2 * 15**2))
    return opd, absorption


def record(opd, absorption, carrier, beam=0.0):
    y, x = np.mgrid[: opd.shape[0], : opd.shape[1]]
    phase = 2 * np.pi * (opd / WAVELENGTH + carrier[0] * y + carrier[1] * x) + beam
    return 100 * np.abs(1 + 0.8 * np.exp(-absorption + 1j * phase)) ** 2


@pytest.mark.parametrize("carrier", [(0.15, 0.2), (0.0, 0.25), (-0.17, 0.19), (0.21, 0.0)])
def test_known_opd_and_absorption_are_recovered(carrier):
    opd, absorption = known()
    ds = from_off_axis(
        record(opd, absorption, carrier), wavelength_nm=WAVELENGTH, pixel_size_um=0.1
    )
    inside = np.s_[20:-20, 20:-20]  # the filter reaches over the border
    assert np.abs(ds.opd.values - opd)[inside].max() < 0.01 * opd.max()
    assert np.abs(ds.absorption.values - absorption)[inside].max() < 0.02
    assert ds.opd.attrs["units"] == "nm"


def test_a_reference_removes_the_curvature_of_the_beams():
    opd, absorption = known()
    y, x = np.mgrid[-1 : 1 : opd.shape[0] * 1j, -1 : 1 : opd.shape[1] * 1j]
    curved = 6 * (y**2 + x**2)
    hologram = record(opd, absorption, (0.15, 0.2), curved)
    empty = record(0 * opd, 0 * opd, (0.15, 0.2), curved)
    setup = {"wavelength_nm": WAVELENGTH, "pixel_size_um": 0.1}
    ds = from_off_axis(hologram, reference=empty, **setup)
    inside = np.s_[10:-10, 10:-10]
    assert np.abs(ds.opd.values - opd)[inside].max() < 0.01 * opd.max()
    alone = from_off_axis(hologram, **setup)
    assert np.abs(alone.opd.values - opd)[inside].max() > 0.1 * opd.max()


def test_sidebands_are_conjugate_and_thin_samples_come_out_positive():
    opd, absorption = known()
    hologram = record(opd, absorption, (0.15, 0.2))
    one = unwrapped_phase(demodulate(hologram, sideband=(0.15, 0.2)))
    other = unwrapped_phase(demodulate(hologram, sideband=(-0.15, -0.2)))
    np.testing.assert_allclose(one, -other, atol=0.01)
    # Recorded with the carrier the other way, the sideband found is the conjugate one.
    flipped = record(opd, absorption, (-0.15, -0.2))
    ds = from_off_axis(flipped, wavelength_nm=WAVELENGTH, pixel_size_um=0.1)
    assert float(ds.opd.max()) == pytest.approx(opd.max(), rel=0.01)
    assert unwrapped_phase(np.exp(1j * (one + 3)), level=False).mean() != pytest.approx(one.mean())


def test_lazy_frames():
    opd, absorption = known((96, 128))
    frames = np.stack([record(opd * f, absorption, (0.2, 0.2)) for f in (0.1, 0.2)])
    setup = {"wavelength_nm": WAVELENGTH, "pixel_size_um": 0.1}
    lazy = from_off_axis(da.from_array(frames, chunks=(1, 50, 128)), **setup)
    assert lazy.opd.chunks[0] == (1, 1)
    eager = from_off_axis(frames, **setup)
    np.testing.assert_array_equal(lazy.opd.compute(scheduler="synchronous"), eager.opd)


def test_refusals():
    noise = np.random.default_rng(seeds.PIXELS).normal(100, 1, (64, 64))
    with pytest.raises(DataError, match="no sideband"):
        find_carrier(noise)
    with pytest.raises(DataError, match="NaN"):
        demodulate(np.where(noise > 102, np.nan, noise))
    with pytest.raises(DimensionError, match="one"):
        demodulate(noise[None])
    with pytest.raises(ParameterError, match="filter_size"):
        demodulate(noise, sideband=(0.1, 0.1), filter_size=2)
    with pytest.raises(ParameterError, match="sideband"):
        demodulate(noise, sideband=(30, 30))
    setup = {"wavelength_nm": WAVELENGTH, "pixel_size_um": 0.1}
    with pytest.raises(DimensionError, match="reference has shape"):
        from_off_axis(noise, reference=noise[:10], **setup)
    with pytest.raises(DimensionError, match="shape"):
        from_off_axis(noise[0], **setup)


@pytest.mark.data
def test_hl60_hologram(data_folder):
    path = data_folder / "cells/other/hl60_off_axis_hologram/hologram_cell.npz"
    with np.load(path, allow_pickle=False) as arrays:
        hologram, empty = arrays["data"], arrays["bg_data"]
    # The carrier that qpretrieve's tests state for this very file.
    assert find_carrier(empty) == pytest.approx((0.203125, 0.12109375), abs=1 / 256)
    # The file states no wavelength: 633 nm only scales the answer.
    ds = from_off_axis(
        hologram, reference=empty, wavelength_nm=633, pixel_size_um=1, filter_size=1 / 4
    )
    phase = ds.opd.values * 2 * np.pi / 633
    edge = np.concatenate([phase[:5].ravel(), phase[-5:].ravel(), phase[:, :5].ravel()])
    assert abs(np.median(edge)) < 0.05
    assert edge.std() < 0.15
    assert 4 < phase.max() < 6
    cell = phase > phase.max() / 2
    centre = np.argwhere(cell).mean(0) / phase.shape
    assert (abs(centre - 0.5) < 0.15).all()
    # One connected disc: its area against that of the circle of its width.
    width = np.ptp(np.argwhere(cell), axis=0) + 1
    assert cell.sum() == pytest.approx(np.pi / 4 * width.prod(), rel=0.1)
