import numpy as np
import pytest

from lensfree_nb.evaluate.similarity import detail_correlation, rmse, ssim


def test_similarity():
    rng = np.random.default_rng(10)
    image = rng.normal(0, 1, (80, 80))
    slope = np.linspace(0, 50, 80)[:, None]
    assert rmse(image + 3, image, remove_offset=True) == pytest.approx(0.0, abs=1e-9)
    assert rmse(image + 3, image) == pytest.approx(3.0)
    drifting = image + 0.1 * slope
    assert np.corrcoef(drifting.ravel(), image.ravel())[0, 1] < 0.7
    assert detail_correlation(drifting, image) > 0.9
    assert ssim(image, image, data_range=2.0) == pytest.approx(1.0)
    assert ssim(image + 0.5, image, data_range=2.0) < ssim(image + 0.5, image, data_range=200.0)
