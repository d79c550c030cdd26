"""Real frames to learn from: split by file, taken out of focus, and missed where they are not."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.focus_stack import CONDITIONS
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
    real = FrameSource(seeds.CELLS, "test", field_px=48, planes=2)
    random = ObjectSource(seeds.CELLS, field_px=48, planes=2)
    mixed = FocusFields(simulated, 3, 2, "test")
    told = (simulated, 0), (random, 0), (real, 0), (simulated, 1), (random, 1), (real, 1)
    for number, (source, own) in enumerate(told):
        assert torch.equal(mixed.field(number).images, source.field(own).images)


@pytest.mark.parametrize(("real", "random"), [(0, 0), (2, 0), (3, 2), (2, 2), (0, 3)])
def test_every_condition_comes_whatever_comes_between(monkeypatch, real, random):
    monkeypatch.setattr(FocusFields, "_real", lambda self: None)
    fields = FocusFields(FocusSource(seeds.CELLS), real, random, "train")
    came = [fields.source_of(number) for number in range(360)]
    simulated = [own for kind, own in came if kind == "simulated"]
    assert simulated == list(range(len(simulated)))
    assert {own % len(CONDITIONS) for own in simulated} == set(range(len(CONDITIONS)))
    shares = {kind: sum(k == kind for k, _ in came) / 360 for kind in ("real", "random")}
    assert shares["real"] == pytest.approx(1 / real if real else 0)
    others = 1 - shares["real"]
    assert shares["random"] == pytest.approx(others / random if random else 0, abs=0.01)


@needs_frames
@pytest.mark.usefixtures("here")
def test_fields_are_as_large_as_they_should_be():
    # Of the coarsest a whole frame is hardly enough.
    source = FrameSource(seeds.TRAIN[500_003], field_px=512, planes=1, sharp=1)
    assert source.field(156).images.shape == (1, 1, 512, 512)
    assert FrameSource(seeds.CELLS, field_px=536, planes=1).field(0).images.shape[-1] == 536


def test_where_there_are_none_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv(PLACE, str(tmp_path))
    with pytest.raises(ParameterError, match="LENSFREE_DATA"):
        FocusFields(FocusSource(seeds.CELLS, field_px=48, planes=2), 2, 0, "train")
    FocusFields(FocusSource(seeds.CELLS, field_px=48, planes=2), 0, 0, "train")
