import torch

from lensfree_nb.reconstruct.windows import flattened, liveliest_windows, middle_exposure


def scene():
    """Uneven light, fringes in one quarter, and a quarter that is mostly unknown."""
    y, x = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    image = 500 * (1 + 0.5 * y / 256)
    image[128:, :128] *= 1 + 0.1 * torch.sin(0.8 * x[128:, :128])
    image[:128, 128:] *= 1 + 0.4 * torch.sin(0.8 * x[:128, 128:])
    image[:100, 128:] = torch.nan
    return image[None]


def test_fringes_are_lively_and_uneven_light_and_unknown_pixels_are_not():
    hologram = scene()
    first, *others = liveliest_windows(hologram, 128, 3)
    assert torch.equal(first, hologram[:, 128:, :128])
    assert not any(torch.isnan(window).any() for window in others)


def test_a_dead_exposure_does_not_hide_the_lively_windows():
    two = torch.cat([torch.full_like(scene(), torch.nan), scene()])
    first, *_ = liveliest_windows(two, 128, 3)
    assert torch.equal(first[1], scene()[0, 128:, :128])
    assert middle_exposure(two) == 1


def test_a_small_frame_is_its_own_window():
    hologram = scene()
    (only,) = liveliest_windows(hologram, 256, 2)
    assert only.shape == hologram.shape


def test_flattened_light_is_one_with_the_fringes_kept():
    flat = flattened(scene())[0]
    assert not torch.isnan(flat).any()
    assert float((flat[20:108, 20:108] - 1).abs().max()) < 0.02
    fringes = flat[148:236, 20:108]
    assert 0.08 < float(fringes.max() - 1) < 0.12
