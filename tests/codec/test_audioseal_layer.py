"""The public layer with the checkpoint that ships, and with random weights of the package's own classes."""

import hashlib

import numpy as np
import pytest

from synth.errors import AssentError
from tests.codec.conftest import EPOCH, RATE, RECORD, mark
from watermark.codec import detect
from watermark.codec.resample import resample

torch = pytest.importorskip("torch")
layer = pytest.importorskip("watermark.codec.audioseal_layer")
audioseal_checkpoint = pytest.importorskip("watermark.codec.audioseal_checkpoint")


@pytest.fixture(scope="module")
def public():
    torch.set_num_threads(1)
    return layer.PublicMark.load(*audioseal_checkpoint.default_checkpoint())


@pytest.fixture(scope="module")
def marked(public, rms):
    return public.embed(rms, RATE)


def test_presence_is_found_in_marked_and_not_in_unmarked_speech(public, rms, slt, espeak, marked):
    assert public.detect(marked, RATE).presence
    for unmarked in (rms, slt, espeak):
        assert not public.detect(unmarked, RATE).presence


def test_output_keeps_shape_and_silence(public, rms, marked):
    assert marked.shape == rms.shape
    assert marked.dtype == np.float32
    samples = np.concatenate([np.zeros(RATE, np.float32), rms[:48_000]])
    out = public.embed(samples, RATE)
    reach = int(0.25 * RATE)  # of the networks, beyond the sound
    assert not out[: RATE - reach].any()
    assert np.abs(out[RATE - reach : RATE]).max() < 0.01 * np.abs(samples).max()


def test_gaps_of_digital_silence_do_not_hide_the_mark(public, rms):
    gapped = rms[:80_000].copy()
    for start in range(4_000, len(gapped), 12_000):
        gapped[start : start + 2_400] = 0
    plain = public.detect(public.embed(rms[:80_000], RATE), RATE).score
    assert public.detect(public.embed(gapped, RATE), RATE).presence
    assert public.detect(public.embed(gapped, RATE), RATE).score > plain - 3


@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_other_rates_are_resampled_by_us(public, rms, rate):
    samples = resample(rms[:64_000], RATE, rate)
    out = public.embed(samples, rate)
    assert out.shape == samples.shape
    assert public.detect(out, rate).presence


def test_a_marked_passage_is_located(public, slt, marked, espeak):
    joined = np.concatenate([slt[:48_000], marked[32_000:80_000], espeak[:48_000]])
    intervals = public.detect(joined, RATE).intervals
    assert intervals[0][0] == pytest.approx(3.0, abs=0.5)
    assert intervals[-1][1] == pytest.approx(6.0, abs=0.5)


def test_a_marked_passage_makes_a_longer_clip_count(public, slt, marked, espeak):
    outside = np.resize(slt, 5 * RATE), np.resize(espeak, 5 * RATE)
    joined = np.concatenate([outside[0], marked[32_000:80_000], outside[1]])
    assert public.detect(joined, RATE).presence
    assert not public.detect(np.concatenate(outside), RATE).presence


def test_a_steady_sound_must_say_more_than_speech():
    log_odds = np.full(100, 0.5)
    steady, lively = np.full(100, -30.0), np.tile([-30.0, -45.0], 50)
    assert layer._score(log_odds, lively, -0.5) == pytest.approx(0.5)
    assert layer._score(log_odds, steady, -0.5) == pytest.approx(0.5 - layer.STEADY_PRICE)
    passage = np.full(100, -6.0)
    passage[20:60] = 5.0
    assert layer._score(passage, lively, -0.5) > -0.5
    steady_there = np.where(passage > 0, -30.0, lively)
    assert layer._score(passage, steady_there, -0.5) == pytest.approx(passage.mean())


def test_levels_are_those_of_frames_the_last_one_short():
    samples = np.concatenate([np.full(320, 0.1), np.full(320, 1.0), np.full(7, 1.0)]).astype(np.float32)
    assert layer._levels_db(samples) == pytest.approx([-20, 0, 0], abs=1e-3)


def test_borders_move_to_where_two_levels_meet_and_the_ends_of_the_clip_do_not():
    log_odds = np.full(100, -3.0)
    log_odds[40:80] = 4.0
    (inside,) = layer._sharpened(log_odds, [(36, 77)])
    assert inside == pytest.approx((40, 80), abs=0.5)
    assert layer._sharpened(log_odds, [(0, 100)]) == [(0, 100)]
    ramp = np.clip(np.arange(60) - 30.5, -3, 4)  # blurred: through the middle of -3 and 4 at frame 31
    (blurred,) = layer._sharpened(ramp, [(31, 60)])
    assert blurred == (pytest.approx(31.5, abs=0.6), 60)


def test_chunks_join_without_a_seam(public, rms):
    long = np.tile(rms, 5)  # 46 s: four chunks
    border = 30 * RATE  # of the second and the third
    near = slice(border - 48_000, border + 48_000)
    inner = slice(32_000, 64_000)
    made = public.residual(long)[near][inner]
    assert np.abs(made - public.residual(long[near])[inner]).max() < 1e-6
    # One level for the whole file, which is not that of the part.
    change = (public.embed(long, RATE) - long)[near][inner]
    assert np.corrcoef(change, made)[0, 1] > 0.999


def test_the_fused_head_gives_the_stock_probabilities(public, marked):
    path, _ = audioseal_checkpoint.default_checkpoint()
    stock = audioseal_checkpoint.detector(path, {})
    clip = marked[: 3 * RATE]
    with torch.inference_mode():
        logits = stock.eval().detector(torch.from_numpy(clip)[None, None])[0]
    expected = (logits[1] - logits[0]).reshape(-1, 320).mean(1).mean()
    assert public.detect(clip, RATE).score == pytest.approx(float(expected), abs=1e-3)


def test_an_altered_checkpoint_is_refused(tmp_path):
    folder, digests = audioseal_checkpoint.default_checkpoint()
    for name in digests:
        (tmp_path / name).write_bytes((folder / name).read_bytes() + b"x")
    with pytest.raises(AssentError) as refusal:
        layer.PublicMark.load(tmp_path, digests)
    assert refusal.value.code == "checkpoint_altered"
    with pytest.raises(AssentError) as refusal:
        layer.PublicMark.load(tmp_path / "nowhere")
    assert refusal.value.code == "checkpoint_missing"


def test_names_saved_by_the_package_itself_load_too(tmp_path, public, rms, marked):
    folder, _ = audioseal_checkpoint.default_checkpoint()
    for name in ("generator.pth", "detector.pth"):
        stored = torch.load(folder / name, weights_only=True)
        model = audioseal_checkpoint.convert_state_dict_for_scriptable_model(stored["model"])
        assert any("inner_conv" in key for key in model)
        torch.save({**stored, "model": model}, tmp_path / name)
    again = layer.PublicMark.load(tmp_path)
    assert np.array_equal(again.embed(rms, RATE), marked)


def test_pickled_objects_are_not_executed(tmp_path):
    for name in ("generator.pth", "detector.pth"):
        torch.save({"xp.cfg": {}, "model": {}, "extra": _Evil()}, tmp_path / name)
    with pytest.raises(Exception, match="weights_only"):
        layer.PublicMark.load(tmp_path)


class _Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_the_pinned_digests_are_those_of_the_shipped_files():
    folder, digests = audioseal_checkpoint.default_checkpoint()
    for name, digest in digests.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_both_layers_are_read_without_each_other(public, rms, keys):
    public_only = public.embed(rms, RATE)
    both = mark(public_only, keys, RECORD, seed=9, quality_reference=rms)
    assert public.detect(both, RATE).presence
    assert [record.record_number for record in detect(both, RATE, keys=keys, epochs=[EPOCH]).records] == [
        RECORD
    ]


@pytest.mark.parametrize("count", [0, 100, 319])
def test_too_little_audio_has_no_presence(public, count):
    assert not public.detect(np.zeros(count, np.float32), RATE).presence
