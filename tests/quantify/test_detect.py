import numpy as np
import pytest

from lensfree_nb.quantify.detect import detect, log_response, one_a_hill

PITCH = 1.67


def test_one_detection_for_long_and_for_round_cells_subpixel(dome):
    opd = dome((200, 200), 50, 60, 16, 5, 70.0) + dome((200, 200), 140.4, 130.7, 5, 5, 400.0)
    points = detect(opd, 20 / PITCH, 10.0)
    assert len(points) == 2
    np.testing.assert_allclose(points[0], (140.4, 130.7), atol=0.2)
    np.testing.assert_allclose(points[1], (50, 60), atol=1.0)


def test_log_is_scale_normalised():
    # At the centre of a Gaussian of the matched width the response is half its height: closed form.
    sigma = 5.0
    yy, xx = np.mgrid[-40:41, -40:41]
    blob = 80 * np.exp(-(yy**2 + xx**2) / (2 * sigma**2))
    assert log_response(blob, sigma * 2 * np.sqrt(2))[40, 40] == pytest.approx(40.0, rel=0.01)


def test_a_flat_top_is_detected_once_in_its_middle():
    opd = np.zeros((80, 80))
    opd[30:43, 30:43] = 60.0
    np.testing.assert_allclose(detect(opd, 12.0, 10.0), [[36, 36]], atol=1e-6)


def test_nothing_is_detected_in_nothing():
    assert detect(np.zeros((30, 30)), 12.0, 10.0).shape == (0, 2)


def test_of_two_points_on_one_hill_the_stronger_stays(dome):
    relief = dome((100, 160), 50, 50, 20, 20, 80.0) + dome((100, 160), 50, 110, 20, 20, 60.0)
    points = np.array([[50.2, 50.1], [50.0, 111.0], [50.0, 60.0], [40.0, 105.0]])
    np.testing.assert_array_equal(one_a_hill(points, relief), points[:2])
    assert one_a_hill(points[:0], relief).shape == (0, 2)
