import pytest

from lensfree_nb.dashboards.tuner import tune_distance
from lensfree_nb.errors import ParameterError


def test_the_tuner_redraws_and_hands_over_the_distance(holograms):
    tuner = holograms.lf.tune_distance(crop_px=128)
    before = tuner.picture.value
    assert before[:4] == b"\x89PNG"
    tuner.fine.value = 25.0
    assert tuner.picture.value != before
    tuner.exposure.value = 2
    tuner.show.value = "amplitude"
    tuner.accept.click()
    assert float(tuner.dataset["distance"]) == pytest.approx(1025.0, rel=0.01)
    assert tuner.dataset["distance"].attrs["units"] == "um"
    assert float(holograms["distance"]) == 1000.0
    with pytest.raises(ParameterError, match="crop_px"):
        holograms.lf.tune_distance(crop_px=4)


def test_units_heights_and_slopes(holograms):
    frame = holograms.isel(time=0)
    in_mm = frame.assign_coords(distance=((), 1.2, {"units": "mm"}))
    assert tune_distance(in_mm, crop_px=64).distance_um == pytest.approx(1200)
    stated = frame.drop_vars("distance").assign_attrs(distance_um=900.0)
    assert tune_distance(stated, crop_px=64).distance_um == pytest.approx(900)
    leaning = frame.assign_coords(
        distance=("wavelength", [900.0, 1000.0, 1100.0], {"units": "um"}), distance_slope_y=5.0
    )
    tuner = tune_distance(leaning, crop_px=64)
    tuner.fine.value = 20.0
    tuner.accept.click()
    assert tuner.dataset["distance"].values == pytest.approx([920, 1020, 1120])
    assert "distance_slope_y" not in tuner.dataset.coords
