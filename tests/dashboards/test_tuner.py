import pytest

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
