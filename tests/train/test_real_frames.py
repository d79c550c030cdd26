"""Real frames to learn from: split by file, taken out of focus, and missed where they are not."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.train.focus_fields import FocusFields
from lensfree_nb.train.focus_images import FocusSource
from lensfree_nb.train.random_objects import ObjectSource
from lensfree_nb.train.real_frames import FRAMES, PLACE, SPLIT, FrameSource
from tests import seeds

DATA = Path(os.environ.get(PLACE, Path(__file__).parents[3] / "shared" / "data"))
needs_frames = pytest.mark.skipif(
    not (DATA / FRAMES / "set01_phase.tif").is_file(),
    reason=f"no real phase contrast frames: set {PLACE}",
)


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setenv(PLACE, str(DATA))


def test_no_frame_is_in_two_parts():
    numbers = [n for part in SPLIT.values() for n in part]
    assert sorted(numbers) == list(range(1, 27))
    assert [len(part) for part in SPLIT.values()] == [16, 5, 5]


@needs_frames
@pytest.mark.usefixtures("here")
def test_fields_are_parts_of_frames_sharper_in_focus():
    source = FrameSource(seeds.CELLS, "test", field_px=128, planes=4, sharp=1)
    for number in range(6):
        field = source.field(number)
        assert field.images.shape == (4, 1, 128, 128)
        assert field.truth.shape == (1, 128, 128)
        assert field.away[0] <= 0.25 < 0.75 <= field.away[1:].min()
        # The farther from the focus, the less it is like the truth.
        alike = [
            float(np.corrcoef(image.ravel(), field.truth.ravel())[0, 1]) for image in field.images
        ]
        assert max(alike[1:]) < alike[0]
    again = FrameSource(seeds.CELLS, "test", field_px=128, planes=4, sharp=1).field(5)
    assert torch.equal(again.images, field.images)


@needs_frames
@pytest.mark.usefixtures("here")
def test_every_so_often_a_field_is_real():
    simulated = FocusSource(seeds.CELLS, field_px=48, planes=2)
    fields = FocusFields(simulated, 3, 0, "test")
    for number, theirs in ((0, simulated.field(0)), (1, simulated.field(1))):
        assert torch.equal(fields.field(number).images, theirs.images)
    real = FrameSource(seeds.CELLS, "test", field_px=48, planes=2)
    assert torch.equal(fields.field(2).images, real.field(0).images)
    assert torch.equal(fields.field(5).images, real.field(1).images)
    mixed = FocusFields(simulated, 3, 2, "test")
    random = ObjectSource(seeds.CELLS, field_px=48, planes=2)
    assert torch.equal(mixed.field(0).images, simulated.field(0).images)
    assert torch.equal(mixed.field(1).images, random.field(1).images)
    assert torch.equal(mixed.field(5).images, real.field(1).images)


def test_where_there_are_none_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv(PLACE, str(tmp_path))
    with pytest.raises(ParameterError, match="LENSFREE_DATA"):
        FocusFields(FocusSource(seeds.CELLS, field_px=48, planes=2), 2, 0, "train")
    FocusFields(FocusSource(seeds.CELLS, field_px=48, planes=2), 0, 0, "train")
