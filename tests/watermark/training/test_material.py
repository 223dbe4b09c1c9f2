"""Material: the same for the same seed, and no voice in two sets."""

from itertools import combinations, islice

import numpy as np
import pytest

from watermark.training import material, sounds, voices
from watermark.training.data import Batches


def test_the_sets_share_no_voice_language_or_variant():
    for one, other in combinations(voices.SPLITS, 2):
        first, second = voices.all_voices(one), voices.all_voices(other)
        assert not first & second
        for part in (0, 1):
            names = [
                {v.split(":")[1].split("+")[part] for v in group if v.startswith("espeak-ng:")}
                for group in (first, second)
            ]
            assert not names[0] & names[1]


def test_draws_stay_in_their_set(speaker):
    generator = np.random.default_rng(3)
    for split in voices.SPLITS:
        drawn = {str(voices.draw_voice(split, generator)) for _ in range(200)}
        assert drawn <= voices.all_voices(split)
        assert {name.split(":")[0] for name in drawn} == {"flite", "festival", "espeak-ng"}


def test_the_same_seed_makes_the_same_material(tmp_path, speaker):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        material.make(tmp_path / name, minutes=0.1, seed=seed)
    (first, index), (again, same), (other, _) = (material.load(tmp_path / name) for name in "abc")
    assert np.array_equal(first, again)
    assert index == same
    assert not np.array_equal(first[:16_000], other[:16_000])
    assert index[-1].start + index[-1].length == len(first) >= 0.1 * 60 * 16_000
    assert {piece.voice for piece in index} <= voices.all_voices("train")


def test_a_voice_that_is_absent_is_passed_over(speaker, monkeypatch):
    speak = material.speak

    def without_festival(voice, text, generator):
        if voice.engine == "festival":
            raise RuntimeError("absent")
        return speak(voice, text, generator)

    monkeypatch.setattr(material, "speak", without_festival)
    spoken = [voice for _, voice in islice(material.clips("train", 4), 30)]
    assert len(spoken) == 30
    assert not any(voice.startswith("festival") for voice in spoken)


def test_some_training_clips_are_the_preview_engines_and_none_of_the_others(speaker, monkeypatch):
    monkeypatch.setattr(material, "IMITATED", 1.0)
    monkeypatch.setattr(material, "imitate", lambda samples, rate, generator: (np.full(32_000, 0.5), 16_000))
    for split in voices.SPLITS:
        samples, _ = next(material.clips(split, 4, varied=False))
        assert (np.ptp(samples) == 0) == (split == "train")


def test_the_preview_engine_imitates_with_voices_of_the_training_set(speaker):
    generator = np.random.default_rng(2)
    samples, rate = voices.speak(voices.SyntheticVoice("flite", "slt"), "The river was quiet.", generator)
    said, said_rate = voices.imitate(samples, rate, generator)
    assert len(said) > said_rate and np.abs(said).max() > 0.1
    assert set(voices._preview_engine()._excluded) == {"kal", "rms"}
    with pytest.raises(RuntimeError, match="clip_silent"):
        voices.imitate(np.zeros(16_000, np.float32), 16_000, generator)


@pytest.mark.parametrize(
    "maker",
    [
        sounds.noise,
        sounds.tones,
        sounds.steady,
        sounds.chord,
        sounds.plucked,
        sounds.sweep,
        sounds.bursts,
        sounds.decoy,
        sounds.buried,
    ],
)
def test_other_sounds_fill_their_length_at_one_level(maker):
    for seed in range(5):
        made = maker(16_000, np.random.default_rng(seed))
        assert made.shape == (16_000,)
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert made.std() == pytest.approx(0.1, rel=0.01)


def test_a_batch_depends_on_the_step_alone(tmp_path, speaker):
    material.make(tmp_path, minutes=0.1, seed=1)
    one, two = (Batches(tmp_path, batch=4, samples=9_600, seed=7, frame=320) for _ in range(2))
    two.at(5)
    first, again, next_one = one.at(3), two.at(3), two.at(4)
    assert first.hosts.shape == first.marked.shape == (4, 1, 9_600)
    assert first.hosts.equal(again.hosts) and first.marked.equal(again.marked)
    assert first.shift == again.shift
    assert not first.hosts.equal(next_one.hosts)
    assert float(first.hosts.abs().max()) <= 1
