"""Marking in pieces as they leave."""

import numpy as np
import pytest

from synth.errors import AssentError
from tests.codec.conftest import EPOCH, RATE, RECORD
from watermark.codec import StreamEmbedder, detect, embed, read_back
from watermark.codec.quality import estimate_quality
from watermark.codec.resample import resample


def streamed(samples, rate, keys, block, seed=1):
    stream = StreamEmbedder(
        rate, record_number=RECORD, keys=keys, epoch=EPOCH, generator=np.random.default_rng(seed)
    )
    parts = [stream.push(samples[start : start + block]) for start in range(0, len(samples), block)]
    return np.concatenate([*parts, stream.finish()]), parts


@pytest.fixture(scope="module")
def stream_marked(rms, keys):
    return streamed(rms, RATE, keys, 1_600)[0]


def test_the_stream_has_the_length_and_quality_of_the_file(rms, stream_marked):
    assert stream_marked.shape == rms.shape
    assert stream_marked.dtype == np.float32
    assert estimate_quality(rms, stream_marked) > 4.3


def test_the_streamed_record_reads_back_as_from_a_file(stream_marked, keys):
    (record,) = detect(stream_marked, RATE, keys=keys, epochs=[EPOCH]).records
    assert record.record_number == RECORD
    assert record.end_s - record.start_s > 8
    assert read_back(stream_marked, RATE, record_number=RECORD, keys=keys, epoch=EPOCH).ok


@pytest.mark.parametrize("start_s", [0.3, 2.1, 4.9])
def test_any_three_seconds_of_the_stream_are_enough(stream_marked, keys, start_s):
    crop = stream_marked[int(start_s * RATE) : int((start_s + 3) * RATE)]
    assert [w.record_number for w in detect(crop, RATE, keys=keys, epochs=[EPOCH]).records] == [RECORD]


def test_the_size_of_the_blocks_does_not_matter(rms, keys, stream_marked):
    assert np.array_equal(streamed(rms, RATE, keys, 50_000)[0], stream_marked)


def test_pieces_leave_before_the_end(rms, keys):
    _, parts = streamed(rms[: 4 * RATE], RATE, keys, 8_000)
    assert sum(len(part) for part in parts) >= 1.2 * RATE


@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_other_rates_stream_too(rms, keys, rate):
    samples = resample(rms[: 5 * RATE], RATE, rate)
    out, _ = streamed(samples, rate, keys, rate // 3)
    assert out.shape == samples.shape
    assert [w.record_number for w in detect(out, rate, keys=keys, epochs=[EPOCH]).records] == [RECORD]


def test_a_stream_that_ends_at_once_is_refused_unreleased(rms, keys):
    stream = StreamEmbedder(
        RATE, record_number=RECORD, keys=keys, epoch=EPOCH, generator=np.random.default_rng(1)
    )
    assert len(stream.push(rms[:8_000])) == 0
    with pytest.raises(AssentError) as refusal:
        stream.finish()
    assert refusal.value.code == "too_short_to_mark"


def test_a_rate_without_whole_pieces_is_refused(keys):
    with pytest.raises(ValueError, match="80 ms"):
        StreamEmbedder(16_001, record_number=1, keys=keys, epoch=EPOCH, generator=np.random.default_rng(1))


def test_both_layers_stream_and_read_back_as_from_a_file(rms, keys):
    torch = pytest.importorskip("torch")
    layer = pytest.importorskip("watermark.codec.audioseal_layer")
    from watermark.codec import audioseal_checkpoint
    from watermark.codec.public_stream import PublicStream

    torch.set_num_threads(1)
    public = layer.PublicMark.load(*audioseal_checkpoint.default_checkpoint())
    stage = PublicStream(public, RATE)
    rms = rms[:80_000]
    alone = np.concatenate([stage.push(rms[:50_001]), stage.push(rms[50_001:]), stage.finish()])
    assert alone.shape == rms.shape
    assert public.detect(alone, RATE).presence

    stream = StreamEmbedder(
        RATE,
        record_number=RECORD,
        keys=keys,
        epoch=EPOCH,
        generator=np.random.default_rng(1),
        before=PublicStream(public, RATE),
    )
    parts = [stream.push(rms[start : start + 4_000]) for start in range(0, len(rms), 4_000)]
    out = np.concatenate([*parts, stream.finish()])
    assert out.shape == rms.shape
    whole = embed(
        public.embed(rms, RATE),
        RATE,
        record_number=RECORD,
        keys=keys,
        epoch=EPOCH,
        generator=np.random.default_rng(1),
        quality_reference=rms,
    )
    for samples in (out, whole):
        assert [w.record_number for w in detect(samples, RATE, keys=keys, epochs=[EPOCH]).records] == [RECORD]
        assert read_back(samples, RATE, record_number=RECORD, keys=keys, epoch=EPOCH).ok
        assert public.detect(samples, RATE).presence
    assert estimate_quality(rms, out) > 4.2
