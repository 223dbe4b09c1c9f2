"""The training of borders: resuming changes nothing, pieces are labelled where the mark is, the product loads it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synth.errors import AssentError  # noqa: E402
from watermark.codec.audioseal_checkpoint import BORDERS_FILE  # noqa: E402
from watermark.codec.audioseal_layer import PublicMark  # noqa: E402
from watermark.training import material  # noqa: E402
from watermark.training.borders import BorderTrainer  # noqa: E402
from watermark.training.loop import Trainer  # noqa: E402


@pytest.fixture
def trained(tiny):
    """A finished tiny run, ready for its borders."""
    small = replace(tiny, borders=replace(tiny.borders, steps=6, batch=4, segment_s=1.0))
    assert Trainer(small).run()
    return small


def _state(trainer):
    return [value.clone() for value in (*trainer.network.parameters(), *trainer._average.parameters())]


def test_stopping_and_resuming_changes_nothing(trained):
    straight = BorderTrainer(trained)
    assert straight.run()
    state = _state(straight)
    shutil.rmtree(Path(trained.run_folder) / "borders")
    assert not BorderTrainer(trained).run(steps=3)
    resumed = BorderTrainer(trained)
    assert resumed.step == 3
    assert resumed.run()
    assert all(torch.equal(one, other) for one, other in zip(state, _state(resumed), strict=True))
    with pytest.raises(ValueError, match="seed"):
        BorderTrainer(replace(trained, seed=trained.seed + 1))


def test_what_it_writes_is_used_by_the_product(trained):
    stock = Path(trained.run_folder) / "stock"
    assert PublicMark.load(stock)._borders is None
    BorderTrainer(trained).run()
    assert (stock / BORDERS_FILE).stat().st_size <= 16 * 2**20
    public = PublicMark.load(stock)
    speech = material.load(Path(trained.material_folder))[0][:48_000].astype(np.float32) / 32_768
    (moved,) = public._borders.refine(speech, [(40.0, 100.0)], public.aligned)
    assert all(abs(edge - guess) <= 16 for edge, guess in zip(moved, (40, 100), strict=True))


def test_the_labels_of_a_piece_say_where_its_mark_is(trained):
    trainer = BorderTrainer(trained)
    pieces = trainer._pieces(np.random.default_rng(3))
    assert len(pieces.begins) == 4
    for begin, end in zip(pieces.begins.tolist(), pieces.ends.tolist(), strict=True):
        assert not (np.isnan(begin) and np.isnan(end))
        assert np.isnan(begin) or np.isnan(end) or begin < end
    first = torch.zeros(4, 3, 50)
    for row, (begin, end) in enumerate(zip(pieces.begins, pieces.ends, strict=True)):
        for kind, place in enumerate((begin, end)):
            if not place.isnan():
                first[row, kind, int(place)] = first[row, kind, min(49, int(place) + 1)] = 12
    told, silent = (
        float(trainer._loss(logits, pieces, np.random.default_rng(1))) for logits in (first, first * 0)
    )
    assert told < silent / 2


def test_without_networks_there_is_nothing_to_train(tiny):
    with pytest.raises(AssentError) as refusal:
        BorderTrainer(tiny)
    assert refusal.value.code == "checkpoint_missing"
