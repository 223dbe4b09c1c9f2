"""An hour of audio: answered in the memory of a minute, stopped early where that is asked for or certain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf

from tests.worker.material import KnownRecords, decoded, sources, speech
from watermark.codec import Detection, MarkKeys, embed, fingerprint
from watermark.codec.audioseal_checkpoint import default_checkpoint
from watermark.codec.audioseal_layer import PublicMark
from watermark.codec.detect import RecordDetection
from watermark.reading import search
from watermark.reading.examination import examine
from watermark.reading.progress import Progress
from watermark.reading.registry import Record
from watermark.reading.search import Sources
from watermark.reading.spans import joined
from watermark.reading.verdict import Verdict, decide

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 16_000
NUMBER = 7
OURS, THEIRS = speech(1, 10.0), speech(2, 10.0)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_an_hour_is_examined_within_700_megabytes(tmp_path):
    """Twenty minutes of one marked sentence over and over, thirty-nine of other speech, the sentence again."""
    from tests import takes

    ours = takes.style_clip("slt", "neutral").samples.astype(np.float32)
    random = np.random.default_rng(1)
    marked = embed(
        ours, RATE_HZ, record_number=NUMBER, keys=MarkKeys(b"k" * 32), epoch="now", generator=random
    )
    theirs = takes.style_clip("rms", "cheerful").samples.astype(np.float32)
    with sf.SoundFile(tmp_path / "hour", "w", RATE_HZ, 1, format="FLAC", subtype="PCM_16") as file:
        for samples, minutes in ((marked, 20), (theirs, 39), (marked, 1)):
            minute = np.resize(samples, 60 * RATE_HZ)
            for _ in range(minutes):
                file.write(minute)
    (tmp_path / "fingerprint").write_bytes(fingerprint.compute(marked, RATE_HZ))
    child = subprocess.run(
        [sys.executable, "-m", "tests.worker.long_file", tmp_path / "hour", tmp_path / "fingerprint", "now",
         str(NUMBER), str(round(1000 * len(marked) / RATE_HZ))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    said = json.loads(child.stdout.splitlines()[-1])
    print(said)
    assert said["verdict"] == "partial"
    assert abs(said["duration_s"] - 3600) < 0.1
    assert abs(said["ours_s"] - 21 * 60) < 60
    assert said["last_s"] > 3590
    assert said["peak_rss_mb"] < 700
    assert said["decoder_rss_mb"] < 700
    assert said["steps"] > 200, "whoever waits hears of it"


@pytest.fixture
def registry(monkeypatch):
    """One record, read wherever its sound is: in pieces of a second, joined."""
    record = Record(NUMBER, fingerprint.compute(OURS, RATE_HZ), 10.0)
    asked: list[float] = []

    def detect(track, sources, epochs, blocks, *, deep):
        samples = np.concatenate(list(blocks))
        asked.append(track.start_s)
        spans: list[tuple[float, float]] = []
        second = RATE_HZ
        for at in range(0, len(samples) - second + 1, second):
            own = OURS[at % len(OURS) : at % len(OURS) + second]
            if np.corrcoef(samples[at : at + second], own)[0, 1] > 0.6:
                start_s = track.start_s + at / RATE_HZ
                spans = joined([*spans, (start_s, start_s + 1.0)])
        read = [RecordDetection(NUMBER, "e", a, b, 20.0, True, True) for a, b in spans]
        return Detection(bool(read), 20.0 * bool(read), read, track.duration_s, 0.0)

    monkeypatch.setattr(search, "detect_in", detect)
    return SimpleNamespace(sources=sources(record), asked=asked)


def minutes(samples: np.ndarray, count: float) -> np.ndarray:
    return np.resize(samples, int(count * 60 * RATE_HZ))


def test_a_record_repeated_far_oftener_than_cuts_are_followed_is_ours_throughout(registry):
    """A comparison follows a dozen offsets; thirty repetitions are seen all the same."""
    found = examine(decoded(minutes(OURS, 5)), registry.sources).findings
    (record,) = found.records
    assert record.ours_s > 290
    assert not record.in_order
    assert decide(found).verdict is Verdict.ISSUED_EDITED


def test_pieces_far_oftener_than_offsets_are_followed_are_ours_throughout():
    """Three minutes of one sentence begun anew every 5.4 s, which is no multiple of anything."""
    piece = OURS[: round(5.4236 * RATE_HZ)]
    match = fingerprint.compare(fingerprint.compute(piece, RATE_HZ), minutes(piece, 3), RATE_HZ)
    ours_s = sum(i.end_s - i.start_s for i in match.intervals if i.ok and i.clear)
    assert ours_s > 174, "a tenth of a second at each of the thirty-three seams"
    assert match.covered > 0.95 and not match.in_order


def test_one_long_record_is_followed_across_stretches_in_order():
    long = speech(5, 150.0)
    stored = fingerprint.compute(long, RATE_HZ)
    match = fingerprint.compare(stored, long, RATE_HZ)
    assert match.in_order and match.covered > 0.99 and len(match.intervals) == 1
    without = np.concatenate([long[: 70 * RATE_HZ], long[80 * RATE_HZ :]])
    cut = fingerprint.compare(stored, without, RATE_HZ)
    assert not cut.in_order
    assert abs(cut.covered - 140 / 150) < 0.01


def test_a_passage_in_a_long_file_is_found_where_it_is(registry):
    file = np.concatenate([minutes(THEIRS, 4), OURS, minutes(THEIRS, 3)])
    decision = decide(examine(decoded(file), registry.sources).findings)
    assert decision.verdict is Verdict.PARTIAL
    (ours,) = [i for i in decision.intervals if i.kind == "ours"]
    assert abs(ours.start_s - 240) < 0.5 and abs(ours.end_s - 250) < 0.5


def test_a_quick_search_stops_at_what_is_certain(registry):
    file = np.concatenate([minutes(THEIRS, 1), OURS, minutes(THEIRS, 14)])
    found = examine(decoded(file), registry.sources, quick=True).findings
    assert found.searched_s == 300.0
    assert registry.asked == [0.0]
    decision = decide(found)
    assert (decision.verdict, decision.reasons) == (Verdict.PARTIAL, ("rest_not_searched",))
    assert [i.kind for i in decision.intervals if i.start_s >= 300] == ["unsearched"]


def test_a_quick_search_that_finds_nothing_says_so_of_the_whole_file(registry):
    found = examine(decoded(minutes(THEIRS, 11)), registry.sources, quick=True).findings
    assert found.searched_s is None
    assert decide(found).verdict is Verdict.NO_WATERMARK


def test_the_released_file_itself_is_known_without_a_search(registry):
    released = Record(NUMBER, b"", 120.0)
    found = examine(decoded(minutes(OURS, 2)), registry.sources, released=released)
    assert registry.asked == []
    decision = decide(found.findings)
    assert (decision.verdict, decision.reasons) == (Verdict.ISSUED, ("same_bytes",))


def test_the_public_mark_is_found_in_a_passage_of_a_long_file():
    from tests import takes

    public = PublicMark.load(*default_checkpoint())
    with_public = Sources(KnownRecords([]), MarkKeys(b"k" * 32), public)
    ours = takes.style_clip("slt", "neutral").samples.astype(np.float32)
    file = minutes(takes.style_clip("rms", "cheerful").samples.astype(np.float32), 8)
    assert not search.search_public([decoded(file).channel(0)], with_public, Progress()).present
    file[300 * RATE_HZ : 300 * RATE_HZ + len(ours)] = public.embed(ours, RATE_HZ)
    found = search.search_public([decoded(file).channel(0)], with_public, Progress())
    assert found.present
    (span,) = found.intervals
    assert span == (pytest.approx(300, abs=0.5), pytest.approx(300 + len(ours) / RATE_HZ, abs=0.5))


def test_whoever_no_longer_wants_the_answer_stops_the_search(registry):
    progress = Progress()
    steps = 0

    def check() -> None:
        nonlocal steps
        steps += 1
        if progress.stage == "searching":
            raise InterruptedError

    progress.check = check
    with pytest.raises(InterruptedError):
        examine(decoded(minutes(THEIRS, 5)), registry.sources, progress=progress)
    assert registry.asked == [] and steps > 2
    assert 0.25 < progress.share < 0.35
