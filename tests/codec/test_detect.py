"""Reading marks: crops, joins, other keys, long files, issued records, changed tempo."""

import numpy as np
import pytest

from tests.codec.conftest import EPOCH, RATE, RECORD, mark
from watermark.codec import MarkKeys, detect, detect_blocks, read_back
from watermark.codec.chunks import chunks, slices
from watermark.codec.detect import EPOCHS_AT_ONCE
from watermark.codec.records import segments
from watermark.codec.resample import resample


def records(detection):
    return [record.record_number for record in detection.records]


def test_a_marked_clip_names_its_record_and_extent(marked_rms, keys):
    detection = detect(marked_rms, RATE, keys=keys, epochs=["other", EPOCH])
    (record,) = detection.records
    assert (record.record_number, record.epoch) == (RECORD, EPOCH)
    assert record.decoded
    assert record.confirmed
    assert record.start_s < 0.6
    assert record.end_s > len(marked_rms) / RATE - 0.8
    assert detection.present
    assert detection.presence_z > detection.presence_threshold_z


@pytest.mark.parametrize("start_s", [0.5, 1.777, 3.031])
def test_three_seconds_are_enough(marked_rms, keys, start_s):
    crop = marked_rms[int(start_s * RATE) : int((start_s + 3) * RATE)]
    assert records(detect(crop, RATE, keys=keys, epochs=[EPOCH])) == [RECORD]


def test_unmarked_speech_carries_nothing(rms, slt, espeak, keys):
    for samples in (rms, slt, espeak):
        detection = detect(samples, RATE, keys=keys, epochs=[EPOCH, "b"])
        assert not detection.present
        assert detection.records == []


def test_wrong_key_and_wrong_epoch_read_nothing(marked_rms, keys):
    other = MarkKeys(bytes(32))
    assert not detect(marked_rms, RATE, keys=other, epochs=[EPOCH]).present
    assert not detect(marked_rms, RATE, keys=keys, epochs=["another"]).present
    assert not read_back(marked_rms, RATE, record_number=RECORD, keys=other, epoch=EPOCH).ok


def test_many_epochs_are_searched_a_few_at_a_time_with_the_same_result(marked_rms, marked_slt, keys, rms):
    many = [f"epoch-{index}" for index in range(2 * EPOCHS_AT_ONCE)]
    read: list[int] = []

    class Blocks:
        def __iter__(self):
            read.append(1)
            return iter(slices(np.concatenate([marked_rms, rms]), RATE))

    found = detect_blocks(Blocks(), RATE, keys=keys, epochs=[*many, EPOCH])
    alone = detect(np.concatenate([marked_rms, rms]), RATE, keys=keys, epochs=[EPOCH])
    assert len(read) == 3
    assert found.records == alone.records
    # Three searches are three chances: the traces weigh a little less.
    assert found.presence_z**2 == pytest.approx(alone.presence_z**2 - 2 * np.log(3))
    assert detect(rms, RATE, keys=keys, epochs=many).records == []


def test_records_of_epochs_searched_apart_are_named_together(marked_rms, rms, keys):
    late = mark(rms, keys, 5, seed=3, epoch="late")
    between = [f"epoch-{index}" for index in range(EPOCHS_AT_ONCE)]
    found = detect(np.concatenate([late, marked_rms]), RATE, keys=keys, epochs=["late", *between, EPOCH])
    assert [(record.record_number, record.epoch) for record in found.records] == [
        (5, "late"),
        (RECORD, EPOCH),
    ]


def test_two_outputs_joined_are_two_records_in_order(marked_rms, marked_slt, keys):
    joined = np.concatenate([marked_rms[:64_000], marked_slt[16_000:80_000]])
    detection = detect(joined, RATE, keys=keys, epochs=[EPOCH])
    assert records(detection) == [RECORD, RECORD + 1]
    assert detection.records[0].end_s == pytest.approx(4.0, abs=0.5)
    assert detection.records[1].start_s == pytest.approx(4.0, abs=0.5)


def test_a_marked_passage_in_other_speech_is_located(marked_rms, slt, espeak, keys):
    host = np.concatenate([slt[:64_000], marked_rms[40_000:88_000], espeak[:64_000]])
    detection = detect(host, RATE, keys=keys, epochs=[EPOCH])
    (record,) = detection.records
    assert record.record_number == RECORD
    assert record.start_s == pytest.approx(4.0, abs=0.5)
    assert record.end_s == pytest.approx(7.0, abs=0.5)
    assert [span.record_number for span in detection.time_map] == [None, RECORD, None]


def test_a_replaced_passage_leaves_a_gap(marked_rms, espeak, keys):
    edited = marked_rms.copy()
    edited[56_000:88_000] = espeak[16_000:48_000]
    detection = detect(edited, RATE, keys=keys, epochs=[EPOCH])
    assert records(detection) == [RECORD, RECORD]
    assert detection.records[0].end_s == pytest.approx(3.5, abs=0.5)
    assert detection.records[1].start_s == pytest.approx(5.5, abs=0.5)


def test_long_files_are_read_in_chunks(marked_rms, marked_slt, espeak, keys):
    quiet = np.tile(espeak, 8)  # 45 s without a mark
    long = np.concatenate([marked_rms, quiet, marked_slt, quiet])
    whole = detect(long, RATE, keys=keys, epochs=[EPOCH])
    assert records(whole) == [RECORD, RECORD + 1]
    assert whole.duration_s == pytest.approx(len(long) / RATE, abs=0.01)
    pieces = (long[start : start + 7_777] for start in range(0, len(long), 7_777))
    assert detect_blocks(pieces, RATE, keys=keys, epochs=[EPOCH]).records == whole.records


def test_a_word_on_a_chunk_border_is_one_word(marked_rms, espeak, keys):
    # The mark then straddles 42 s, where the second chunk begins.
    before = np.tile(espeak, 8)[: int(40.5 * RATE)]
    detection = detect(np.concatenate([before, marked_rms, before]), RATE, keys=keys, epochs=[EPOCH])
    assert records(detection) == [RECORD]
    assert detection.records[0].start_s == pytest.approx(40.5, abs=0.6)


def test_chunks_cover_everything_once_or_overlapping():
    samples = np.arange(130 * RATE, dtype=np.float32)
    cut = list(chunks([samples[:1_000_000], samples[1_000_000:]], RATE))
    ends = [chunk.start_s * RATE + len(chunk.samples) for chunk in cut]
    assert ends[-1] == len(samples)
    assert all(chunk.samples[0] == chunk.start_s * RATE for chunk in cut)
    assert all(later.start_s * RATE <= end - 6 * RATE for later, end in zip(cut[1:], ends, strict=False))


def test_one_second_is_matched_with_issued_records(marked_rms, keys):
    crop = marked_rms[24_000:40_000]
    issued = [*range(500, 2_500), RECORD]
    detection = detect(crop, RATE, keys=keys, epochs=[EPOCH], known=lambda epoch: issued)
    assert records(detection) == [RECORD]


def test_issued_records_are_not_matched_with_unmarked_speech(rms, espeak, keys):
    for samples in (rms[16_000:64_000], espeak[:48_000], rms[20_000:36_000]):
        detection = detect(samples, RATE, keys=keys, epochs=[EPOCH], known=lambda epoch: range(3_000))
        assert detection.records == []


@pytest.mark.parametrize("speed", [0.95, 1.07])
def test_deep_search_undoes_a_change_of_speed(marked_rms, keys, speed):
    changed = resample(marked_rms[16_000:80_000], round(16_000 * speed), 16_000)
    assert records(detect(changed, RATE, keys=keys, epochs=[EPOCH])) == []
    detection = detect(changed, RATE, keys=keys, epochs=[EPOCH], deep=True)
    assert records(detection) == [RECORD]
    assert detection.time_scale == pytest.approx(speed, abs=0.006)
    assert detection.frequency_scale == pytest.approx(speed, abs=0.006)


def test_deep_search_finds_nothing_in_unmarked_speech(slt, keys):
    detection = detect(
        slt[:64_000], RATE, keys=keys, epochs=[EPOCH], deep=True, known=lambda epoch: range(1_000)
    )
    assert not detection.present
    assert detection.records == []


def test_read_back_knows_its_record_from_its_neighbour(marked_rms, keys):
    right = read_back(marked_rms, RATE, record_number=RECORD, keys=keys, epoch=EPOCH)
    wrong = read_back(marked_rms, RATE, record_number=RECORD + 1, keys=keys, epoch=EPOCH)
    assert right.ok
    assert right.score > 2 * right.threshold
    assert not wrong.ok


def test_read_back_asks_every_part_of_a_long_file(rms, keys, marked_rms):
    long = np.concatenate([marked_rms] * 6)
    assert read_back(long, RATE, record_number=RECORD, keys=keys, epoch=EPOCH).ok
    half = np.concatenate([marked_rms] * 6 + [rms] * 6)
    assert not read_back(half, RATE, record_number=RECORD, keys=keys, epoch=EPOCH).ok


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(RATE * 3), np.full(RATE, np.nan)])
def test_empty_silent_and_broken_audio_carry_nothing(samples, keys):
    detection = detect(samples, RATE, keys=keys, epochs=[EPOCH], deep=True)
    assert not detection.present
    assert detection.active_s == 0
    assert not read_back(samples, RATE, record_number=1, keys=keys, epoch=EPOCH).ok


def test_segments_need_more_than_the_price_of_two_borders():
    gain = np.full(100, -1.0)
    gain[40:60] = 2.0
    assert segments(gain, 12.0) == [(40, 60)]
    assert segments(gain, 25.0) == []
    assert segments(np.ones(50), 12.0) == [(0, 50)]


def test_different_seeds_use_different_places(rms, keys):
    # The residuals of two copies must not be alike, or averaging would betray the pattern.
    one, two = (mark(rms[:48_000], keys, RECORD, seed=seed) - rms[:48_000] for seed in (11, 12))
    assert abs(one @ two) < 0.3 * np.sqrt((one @ one) * (two @ two))
