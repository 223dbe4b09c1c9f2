"""Attempts to have sound called ours that is not, each named after the attack it stops; the codec, the fingerprint,
the registry and the worker are the real ones. An attacker here may hold our outputs *and* their unmarked originals,
and in the last resort even the key."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import istft, stft

from synth.audio.resample import resample
from synth.provenance import aigc
from tests.worker.registry import RATE_HZ, Registry, ask, report_on, speech, wav
from watermark.codec import embed
from worker import resident

pytestmark = pytest.mark.django_db
# Those that go through queue and decoder: the heartbeat's own connection must see the rows.
WHOLE = pytest.mark.django_db(databases="__all__", transaction=True)
FORGED = {"transplanted", "unverified_mark"}
# What a forger is left with where not even a trace of a mark came over.
NOTHING = {"no_watermark", "foreign_watermark"}


@pytest.fixture
def registry() -> Registry:
    return Registry()


@WHOLE
def test_our_file_is_issued_and_its_coded_copy_too(registry):
    """The measure of all below: without an attack the verdict is `issued`."""
    ours = registry.release()
    said = ask(ours.data).report
    assert (said["verdict"], said["records"][0]["same_bytes"]) == ("issued", True)
    again = report_on(0.7 * ours.samples)
    assert (again["verdict"], again["records"][0]["same_bytes"]) == ("issued", False)


@pytest.mark.parametrize("gain", [1.0, 2.0, 4.0])
def test_residual_copy(registry, gain):
    """What marking added to our speech is added to other speech."""
    ours = registry.release()
    said = report_on(speech("rms") + gain * (ours.samples - ours.original))
    assert said["verdict"] in FORGED | NOTHING, said


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_gain_field_transplant(registry, power):
    """How marking changed each patch of our spectrum is done to the spectrum of other speech."""
    ours = registry.release()
    before, after = (stft(x, RATE_HZ, nperseg=512, noverlap=384)[2] for x in (ours.original, ours.samples))
    gain = (np.abs(after) + 1e-6) / (np.abs(before) + 1e-6)
    theirs = stft(speech("rms"), RATE_HZ, nperseg=512, noverlap=384)[2]
    forged = istft(theirs * np.clip(gain, 0.3, 3.0) ** power, RATE_HZ, nperseg=512, noverlap=384)[1]
    said = report_on(forged[: len(ours.samples)].astype(np.float32))
    assert said["verdict"] in FORGED | NOTHING, said


def test_our_mark_written_with_the_stolen_key_on_other_speech(registry):
    """A valid word of a real record, on sound that was never issued: only the content can tell."""
    ours = registry.release()
    forged = embed(
        speech("rms"), RATE_HZ, record_number=ours.mark.record_number, keys=resident.mark_keys(),
        epoch=ours.mark.epoch_id, generator=np.random.default_rng(5),
    )  # fmt: skip
    said = report_on(forged)
    assert said["verdict"] == "transplanted"
    assert [record["record_id"] for record in said["records"]] == [ours.id]
    assert {interval["kind"] for interval in said["intervals"]} == {"altered"}


def test_a_record_that_was_never_issued_written_with_the_stolen_key(registry):
    ours = registry.release()
    forged = embed(
        speech("rms"), RATE_HZ, record_number=4_711, keys=resident.mark_keys(),
        epoch=ours.mark.epoch_id, generator=np.random.default_rng(5),
    )  # fmt: skip
    said = report_on(forged)
    assert (said["verdict"], said["records"]) == ("unverified_mark", [])


def test_a_reserved_record_whose_file_was_never_released(registry):
    """Marked by us, but the release failed: the copy that got out is vouched for by nothing."""
    from watermark import services

    mark = services.reserve_mark(
        organisation=registry.principal.organisation, consent=registry.consent, engine_name="test",
        engine_version="1", is_preview=True, layers=["keyed"],
    )  # fmt: skip
    lost = embed(
        speech("awb"), RATE_HZ, record_number=mark.record_number, keys=resident.mark_keys(),
        epoch=mark.epoch_id, generator=np.random.default_rng(5),
    )  # fmt: skip
    assert report_on(lost)["verdict"] == "unverified_mark"


def test_splice_of_two_records(registry):
    """Two sentences of ours joined into one that was never said."""
    first, second = registry.release("slt"), registry.release("awb")
    said = report_on(np.concatenate([first.samples, second.samples]))
    assert said["verdict"] == "mixed_records", said
    assert {record["record_id"] for record in said["records"]} == {first.id, second.id}


def test_pieces_in_another_order(registry):
    """The same words, shuffled: nothing is added, and yet another sentence."""
    ours = registry.release()
    third = len(ours.samples) // 3
    pieces = [ours.samples[k * third : (k + 1) * third] for k in (1, 2, 0)]
    said = report_on(np.concatenate(pieces))
    assert said["verdict"] not in {"issued"} | NOTHING, said
    assert "order_changed" in said["reasons"], said
    moved = [i for i in said["intervals"] if i["kind"] == "moved"]
    assert any(i["start_s"] < 5.0 and i["end_s"] > 6.5 for i in moved), said["intervals"]


def test_a_mosaic_of_short_pieces(registry):
    """Half seconds of our speech put together anew."""
    ours = registry.release()
    size = RATE_HZ // 2
    order = np.random.default_rng(8).permutation(len(ours.samples) // size)
    said = report_on(np.concatenate([ours.samples[k * size : (k + 1) * size] for k in order]))
    assert said["verdict"] != "issued", said


def test_speed_change_then_a_second_mark(registry):
    """Our speech sped up, and marked again with what marking added to another file of ours."""
    ours, other = registry.release("slt"), registry.release("awb")
    faster = resample(ours.samples, 16_800, RATE_HZ)
    residual = (other.samples - other.original)[: len(faster)]
    said = report_on(faster + 2 * np.pad(residual, (0, len(faster) - len(residual))))
    assert said["verdict"] != "issued", said


def test_speed_change_alone_searched_deeply(registry):
    """Five per cent faster: another voice, almost; the deep search finds it and says so, and vouches for no word."""
    ours = registry.release()
    said = report_on(resample(ours.samples, 16_800, RATE_HZ), deep=True)
    assert said["verdict"] == "issued_disturbed", said
    assert "speed_or_pitch_changed" in said["reasons"], said
    assert [record["record_id"] for record in said["records"]] == [ours.id]


def test_foreign_words_carried_in_by_a_residual_copy(registry):
    """Two seconds of our file replaced by other speech with our own residual laid loudly over it."""
    ours = registry.release()
    residual = ours.samples - ours.original
    theirs = speech("rms")
    loud = np.sqrt((theirs**2).mean() / (residual**2).mean()) * 10 ** (-3 / 20)
    changed = ours.samples.copy()
    inside = slice(3 * RATE_HZ, 5 * RATE_HZ)
    changed[inside] = (theirs + loud * residual)[inside]
    said = report_on(changed)
    assert said["verdict"] not in {"issued"} | NOTHING, said
    told = [i for i in said["intervals"] if i["kind"] in ("unclear", "altered", "unmarked")]
    assert any(i["start_s"] < 3.7 and i["end_s"] > 4.3 for i in told), told


def test_marking_twice_with_the_stolen_key(registry):
    """Our speech under another record's mark: the content is that of one record, the word that of another."""
    ours, other = registry.release("slt"), registry.release("awb")
    twice = embed(
        ours.samples, RATE_HZ, record_number=other.mark.record_number, keys=resident.mark_keys(),
        epoch=other.mark.epoch_id, generator=np.random.default_rng(5),
    )  # fmt: skip
    said = report_on(twice)
    assert other.id not in {r["record_id"] for r in said["records"]} or said["verdict"] != "issued", said


def test_other_speech_laid_over_ours(registry):
    """Ours stays readable below; what is heard is the other voice."""
    ours = registry.release()
    said = report_on(0.25 * ours.samples + speech("rms"))
    assert said["verdict"] != "issued", said


def test_a_word_cut_out_so_that_the_sense_turns(registry):
    """0.6 s of silence in the middle: 'I do [not] agree'."""
    ours = registry.release()
    changed = ours.samples.copy()
    changed[3 * RATE_HZ : int(3.6 * RATE_HZ)] = 0
    assert report_on(changed)["verdict"] != "issued"


@WHOLE
def test_our_label_on_speech_without_a_mark(registry):
    """A file that says it is our record, and is not."""
    ours = registry.release()
    data = aigc.write(wav(speech("rms")), "wav", aigc.AigcLabel("1", "Assent", ours.id))
    said = ask(data).report
    assert said["verdict"] in NOTHING
    assert "label_names_record_without_mark" in said["reasons"]


@WHOLE
def test_our_mark_under_the_label_of_another_record(registry):
    ours, other = registry.release("slt"), registry.release("awb")
    data = aigc.write(wav(ours.samples), "wav", aigc.AigcLabel("1", "Assent", other.id))
    said = ask(data).report
    assert "label_names_another_record" in said["reasons"]
    assert [record["record_id"] for record in said["records"]] == [ours.id]
