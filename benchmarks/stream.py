"""`make bench-stream`: speech heard while it is made, over HTTP from a running service.

    python -m benchmarks.stream [--repeats N] [--streams N] [--revocations N] [--without-gptsovits]

First sound, playing without gaps, what leaves after a revocation, and whether every 3 s name their record.
GPT-SoVITS has random weights of the official size: its time is true, its sound is noise.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np

from benchmarks.report import Row, spread_of, write_report
from tests.e2e.conftest import SEED
from tests.service import Service
from watermark.codec import MarkKeys
from watermark.codec.detect import detect

RATE_HZ = 24_000  # of pcm
TEXT = (
    "The letter came on a Tuesday, and nobody opened it until the evening. Then the rain began, and the whole house "
    "was quiet for an hour. In the morning they read it aloud, twice, at the kitchen table."
)
WINDOW_S, HOP_S = 3.0, 1.0
REVOKED_AFTER_S = 1.0

_VOICE = """
from django.db import transaction
from accounts.people.models import Membership, User
from accounts.people.principals import principal_of
from tests import factories
from tests.e2e.material import style_clip
owner = principal_of(Membership.objects.select_related("user", "organisation").first())
answer = []
samples, rate_hz, transcript = style_clip("neutral")
for number in range(COUNT):
    with transaction.atomic():
        voice = factories.consented_voice(owner, name=f"Passing {number}")
        factories.approved_style(owner, voice, samples=samples, rate_hz=rate_hz, transcript=transcript)
    answer.append(str(voice.id))
"""
_EPOCHS = """
from watermark.models import Mark
answer = {str(m.public_id): [m.record_number, m.epoch_id] for m in Mark.objects.all()}
"""


@dataclass(frozen=True)
class Heard:
    """One stream as its client got it: arrival of each chunk (s since asking) and its bytes."""

    arrivals: list[tuple[float, int]]
    data: bytes
    record: str

    @property
    def first_s(self) -> float:
        return self.arrivals[0][0]

    def underruns(self) -> int:
        """Times at which a player that starts with the first chunk would have had nothing to play."""
        played_until, count, total = self.first_s, 0, 0
        for at_s, size in self.arrivals:
            if total and at_s > played_until + 0.02:
                count += 1
                played_until = at_s
            total += size
            played_until += size / 2 / RATE_HZ
        return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--streams", type=int, default=60)
    parser.add_argument("--revocations", type=int, default=200)
    parser.add_argument("--without-gptsovits", action="store_true")
    asked = parser.parse_args()
    with running(ASSENT_ENGINE="auto") as (service, api, voice, engine):
        first = _first_sounds(api, voice, asked.repeats)
        rows = [
            Row("first_audio_s_default", "s", round(statistics.median(first), 2), spread=spread_of(first),
                n=len(first), target=0.8, better="lower", note=f"{engine}; warm voice, request to first byte of pcm"),
            *_without_marks(service, api, voice, asked.repeats, statistics.median(first)),
            _underruns(api, voice),
            _prefixes(service, api, voice, asked.streams),
            _revocations(service, api, asked.revocations),
        ]  # fmt: skip
    rows.insert(1, _gptsovits(asked.repeats, skipped=asked.without_gptsovits))
    load = max(os.getloadavg())
    if load > 2 * (os.cpu_count() or 1):
        busy = f"; the machine was busy with other work (load {load:.0f}): times say little"
        rows = [replace(row, note=row.note + busy) if row.unit == "s" else row for row in rows]
    print(write_report("stream", rows, command="make bench-stream"))


@contextmanager
def running(**environment: str) -> Iterator[tuple[Service, httpx.Client, str, str]]:
    """A service on a data folder of its own, its client, a voice that has spoken once, and its engine's name."""
    with tempfile.TemporaryDirectory(prefix="assent-bench-", dir="/var/tmp") as folder:
        service = Service(Path(folder) / "data", **environment).start()
        try:
            facts = service.python(SEED)
            headers = {"Authorization": f"Bearer {facts['key']}"}
            with httpx.Client(base_url=service.base_url, headers=headers, timeout=900) as api:
                listen(api, facts["voice"], "This voice is warm by now, and so is everything else.")
                yield service, api, facts["voice"], api.get("/api/v1/engine").json()["name"]
        finally:
            service.stop()


def listen(api: httpx.Client, voice: str, text: str = TEXT, **more: Any) -> Heard:
    """A whole stream of pcm through OpenAI's door."""
    body = {"model": "assent", "voice": voice, "input": text, "response_format": "pcm", **more}
    arrivals, parts = [], []
    begun = time.monotonic()
    with api.stream("POST", "/v1/audio/speech", json=body) as answer:
        if answer.status_code != 200:
            raise RuntimeError(answer.read())
        for chunk in answer.iter_raw():
            arrivals.append((time.monotonic() - begun, len(chunk)))
            parts.append(chunk)
        return Heard(arrivals, b"".join(parts), answer.headers["x-watermark-id"])


def _first_sounds(api: httpx.Client, voice: str, repeats: int) -> list[float]:
    return [listen(api, voice, pace="none").first_s for _ in range(repeats)]


def _without_marks(
    service: Service, api: httpx.Client, voice: str, repeats: int, marked_s: float
) -> list[Row]:
    """How much longer the first sound takes than the engine's own first second, without queue, mark, log, read-back."""
    note = "the engine alone, in this process: its first second of sound; the service's includes queue, mark, log"
    took = []
    code = f"""
import time, json
from synth.jobs import services, selectors
from synth.jobs.models import SynthesisJob
from synth.speech.flow import Flow
from worker import rendering, resident
job = selectors.job_row(SynthesisJob.objects.filter(state="released").order_by("-created_at").first().id)
engine = resident.engine()
answer = []
for turn in range({repeats + 1}):
    begun = time.monotonic()
    sound = 0.0
    flow = Flow(engine, rendering.checked_passage(engine, job))
    pieces = flow.pieces(on_progress=lambda share: None, should_stop=lambda: False)
    for samples, rate_hz in pieces:
        sound += len(samples) / rate_hz
        if sound >= 1.0:
            break
    pieces.close()
    if turn:
        answer.append(time.monotonic() - begun)
"""
    took = service.python(code)
    median = statistics.median(took)
    return [
        Row("first_audio_over_unmarked", "1", round(marked_s / median, 2), spread=spread_of(took), n=len(took),
            target=1.5, better="lower", note=note),
    ]  # fmt: skip


def _underruns(api: httpx.Client, voice: str) -> Row:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: listen(api, voice).underruns(), range(2)))
    return Row("underruns", "1", sum(found), n=2, target=0, better="lower",
               note="two streams at once, each played from its first chunk on")  # fmt: skip


def _prefixes(service: Service, api: httpx.Client, voice: str, streams: int) -> Row:
    """Every window of 3 s of every stream, read without knowing what to look for."""
    heard = [listen(api, voice, pace="none", seed=number) for number in range(streams)]
    keys = MarkKeys(bytes.fromhex((service.data_dir / "keys" / "mark-master.key").read_text().strip()))
    marks = service.python(_EPOCHS)
    named = asked = 0
    for one in heard:
        number, epoch = marks[one.record]
        samples = np.frombuffer(one.data, "<i2").astype(np.float32) / 32767
        for start in range(0, len(samples) - round(WINDOW_S * RATE_HZ), round(HOP_S * RATE_HZ)):
            window = samples[start : start + round(WINDOW_S * RATE_HZ)]
            found = detect(window, RATE_HZ, keys=keys, epochs=[epoch], known=lambda _epoch, n=number: [n])
            asked += 1
            named += any(read.record_number == number for read in found.records)
    return Row("prefix_named", "share", round(named / max(1, asked), 4), n=asked, target=1,
               note=f"windows of 3 s, one a second, of {streams} streams as pcm; the first is a prefix")  # fmt: skip


def _revocations(service: Service, api: httpx.Client, count: int) -> Row:
    """Bytes that arrive later than a second after the owner's request to revoke was sent."""
    late_bytes, moments = 0, np.random.default_rng(1).uniform(0.0, 4.0, count)
    for voice, wait_s in zip(service.python(f"COUNT = {count}\n{_VOICE}"), moments, strict=True):
        revoked_at: list[float] = []
        body = {"model": "assent", "voice": voice, "input": TEXT, "response_format": "pcm"}

        def revoke(voice: str = voice, wait_s: float = float(wait_s), at: list[float] = revoked_at) -> None:
            time.sleep(wait_s)
            at.append(time.monotonic())
            api.post(f"/api/v1/voices/{voice}/revoke", json={"reason": ""}).raise_for_status()

        try:
            with api.stream("POST", "/v1/audio/speech", json=body) as answer:
                timer = threading.Thread(target=revoke)
                timer.start()
                for chunk in answer.iter_raw():
                    if revoked_at and time.monotonic() - revoked_at[0] > REVOKED_AFTER_S:
                        late_bytes += len(chunk)
        except httpx.RemoteProtocolError:
            pass  # broken off, as it should be
        timer.join()
    return Row("revoked_bytes_after_1s", "1", late_bytes, n=count, target=0, better="lower",
               note="streams of pcm at the pace of playing, revoked 0 to 4 s after their head arrived")  # fmt: skip


def _gptsovits(repeats: int, *, skipped: bool) -> Row:
    name, unit, target = "first_audio_s_gptsovits", "s", 2.0
    if skipped:
        return Row(name, unit, None, target=target, better="lower", note="left out of this run")
    from benchmarks import engine_weights

    with tempfile.TemporaryDirectory(prefix="assent-weights-", dir="/var/tmp") as folder:
        engine_weights.write_models(Path(folder), chinese=False)
        with running(ASSENT_ENGINE="gpt-sovits", ASSENT_MODELS_DIR=folder, ASSENT_ENGINE_MODE="fast") as made:
            _service, api, voice, engine = made
            took = _first_sounds(api, voice, repeats)
    return Row(name, unit, round(statistics.median(took), 2), spread=spread_of(took), n=len(took), target=target,
               better="lower", note=f"{engine}, random weights of the official size, fast mode, warm")  # fmt: skip


if __name__ == "__main__":
    main()
