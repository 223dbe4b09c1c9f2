"""Speech that leaves while the rest is made: marked, read back, in the log and permitted, piece by piece."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.consent import services as consent
from accounts.people.models import ApiKey, Membership
from accounts.people.principals import principal_of
from audit.models import Entry
from synth.audio.encode import decode_own
from synth.common.bodies import BoundedBodies
from synth.engines.base import Speech
from synth.errors import AssentError
from synth.jobs import services
from synth.jobs.models import Output, SynthesisJob, SynthesisPiece
from synth.provenance import aigc
from tests import factories, takes
from tests.jobs.test_services import reserved
from tests.worker.material import decoded
from tests.worker.test_unreadable import JSON, RATE_HZ, Doors, Says, talk
from watermark.answers import stream_reasons
from watermark.codec import read_back
from watermark.models import Mark
from watermark.reading.examination import examine
from watermark.reading.verdict import Decision, Verdict, decide
from watermark.services import take_down
from worker import resident, streaming, tasks
from worker.verification import sources

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


class SaysInPieces(Says):
    """Talks sentence by sentence; ``meanwhile`` is told before each which it will be."""

    def pieces(self, request, *, should_stop=None):
        for index, start in enumerate(range(0, len(self.samples), 2 * RATE_HZ)):
            self.meanwhile(index)
            yield Speech(self.samples[start : start + 2 * RATE_HZ], RATE_HZ, "take", ["A take."])


def different() -> np.ndarray:
    """Speech (n,) at 16 kHz that says nothing twice: what repeats itself is compared with the wrong place."""
    clips = [takes.style_clip("awb", name).samples for name in ("neutral", "sad", "cheerful")]
    return np.concatenate(clips).astype(np.float32)


@pytest.fixture
def owner(db):
    return factories.owner_principal()


@pytest.fixture
def doors(owner, client) -> Doors:
    voice = factories.consented_voice(owner)
    factories.approved_style(owner, voice)
    client.force_login(owner.user)
    return Doors(client, str(voice.id))


@pytest.fixture
def engine(monkeypatch):
    def use(samples, meanwhile=lambda index: None):
        monkeypatch.setattr(resident, "engine", lambda: SaysInPieces(samples, meanwhile))

    use(talk(6.0))
    monkeypatch.setattr(resident, "public_mark", lambda: None)
    return use


def heard(doors: Doors, job: str) -> bytes:
    answer = doors.browser.get(f"/api/v1/jobs/{job}/stream?pace=none")
    assert answer.status_code == 200, answer.content
    assert answer["X-Accel-Buffering"] == "no"
    return b"".join(answer)


def named(samples, rate_hz) -> bool:
    mark = Mark.objects.get()
    return read_back(
        samples, rate_hz, record_number=mark.record_number, keys=resident.mark_keys(), epoch=mark.epoch_id
    ).ok


# ---- whole streams


@pytest.mark.provokes("synthesis.piece", "synthesis.completed", "output.downloaded")
@pytest.mark.parametrize("format", ["wav", "mp3", "opus"])
def test_a_stream_is_its_pieces_each_in_the_log(doors, engine, format):
    job = doors.render(stream=True, format=format)
    assert job["state"] == "released", job["error"]
    data = heard(doors, job["id"])
    assert data == b"".join(doors.browser.get(f"/api/v1/jobs/{job['id']}/audio"))
    output = Output.objects.get()
    assert hashlib.sha256(data).hexdigest() == output.sha256
    pieces = list(SynthesisPiece.objects.order_by("index"))
    assert len(pieces) >= 2
    for piece in pieces:
        assert hashlib.sha256(data[: piece.end_byte]).hexdigest() == piece.sha256
        said = piece.entry.content["data"]
        assert (said["index"], said["output_sha256"]) == (piece.index, piece.sha256)
        assert said["output_id"] == str(output.pk) and said["duration_ms"] == piece.end_ms
    assert pieces[-1].entry_id < output.entry_id
    assert aigc.read(data).produce_id == str(output.pk)
    sound = decode_own(data, format)
    assert sound.duration_s == pytest.approx(6.0, abs=0.15)
    assert output.duration_ms == pytest.approx(6000, abs=150)
    samples, rate_hz = sound.mono(), sound.sample_rate_hz
    for start_s in np.arange(0.0, 3.1, 1.0):
        assert named(samples[round(start_s * rate_hz) : round((start_s + 3) * rate_hz)], rate_hz)
    assert job["warnings"] == ["A take."] and job["follow_report"] is not None


def test_a_short_line_is_streamed_in_room_tone(doors, engine):
    engine(talk(3.0)[RATE_HZ // 2 :][: round(0.4 * RATE_HZ)])
    job = doors.render(stream=True, format="mp3", text="Yes.")
    assert job["state"] == "released", job["error"]
    assert job["trim_to"]["end_s"] - job["trim_to"]["start_s"] == pytest.approx(0.4, abs=0.01)
    assert job["output"]["duration_s"] > 2.0


def test_an_engine_that_only_speaks_whole_is_streamed_as_well(doors, engine, monkeypatch):
    monkeypatch.setattr(resident, "engine", lambda: Says(talk(4.0)))
    job = doors.render(stream=True, format="wav")
    assert job["state"] == "released" and SynthesisPiece.objects.count() >= 2


@pytest.mark.provokes("watermark_failed", "synthesis.failed")
def test_what_cannot_be_read_back_does_not_leave(doors, engine, monkeypatch):
    class Unmarked:
        def __init__(self, *args, **more):
            self.waiting = []

        def push(self, samples):
            return samples

        def finish(self):
            return np.zeros(0, np.float32)

    engine(talk(3.5))
    monkeypatch.setattr(streaming, "StreamEmbedder", Unmarked)
    job = doors.render(stream=True, format="wav")
    assert (job["state"], job["error"]["code"]) == ("failed", "watermark_failed")
    assert not SynthesisPiece.objects.exists() and not Mark.objects.exclude(state="reserved").exists()
    assert doors.browser.get(f"/api/v1/jobs/{job['id']}/stream").status_code == 422


# ---- streams that end early


@pytest.mark.provokes(
    "cancelled_consent_revoked", "synthesis.piece", "synthesis.cancelled", "consent.revoked"
)
def test_after_a_revocation_nothing_more_leaves_and_what_was_sent_stays_known(doors, engine):
    """The owner withdraws while the fourth sentence is about to be spoken: the rest of the text is never made."""
    said, early = [], []

    def meanwhile(index):
        said.append(index)
        if index == 3:
            (job,) = SynthesisJob.objects.all()
            listener = services.open_stream(principal=owner_of(job), job_id=job.pk)
            while listener.look():
                early.append(listener.take(paced=False))
            doors.browser.post(f"/api/v1/voices/{doors.voice}/revoke", {"reason": ""}, JSON)
            with pytest.raises(AssentError):
                listener.look()

    engine(different(), meanwhile)
    job = doors.render(stream=True, format="wav")
    assert (job["state"], job["error"]["code"]) == ("cancelled", "cancelled_consent_revoked")
    assert said == [0, 1, 2, 3], "not one sentence more was spoken"
    assert not Output.objects.exists()
    assert doors.browser.get(f"/api/v1/jobs/{job['id']}/stream").json()["code"] == "cancelled_consent_revoked"
    sent = b"".join(early)
    last = SynthesisPiece.objects.order_by("index").last()
    assert hashlib.sha256(sent).hexdigest() == last.sha256
    mark = Mark.objects.get()
    assert (mark.state, mark.ended_by, mark.file_sha256) == ("issued", "owner", last.sha256)
    assert stream_reasons(mark) == ["stream_ended_by_owner"]
    data = Entry.objects.get(event="synthesis.cancelled").content["data"]
    assert (data["output_sha256"], data["count"]) == (last.sha256, last.index + 1)
    assert not default_storage.listdir("outputs")[1], "the file is gone"
    # What was heard is known by its sound, all of it and less.
    sound = decode_own(sent, "wav")
    for seconds in (sound.duration_s, 3.2):
        found = decision_of(sound.mono()[: round(seconds * sound.sample_rate_hz)])
        assert found.verdict is Verdict.ISSUED, found


def test_consent_is_asked_for_after_a_sentence_too_short_to_leave(doors, engine, monkeypatch):
    """Its release would have asked; so the next sentence is asked for by itself."""
    said, sound = [], talk(4.5)

    class Breathless(Says):
        def pieces(self, request, *, should_stop=None):
            for index, (start_s, end_s) in enumerate([(0, 2), (2, 4), (4, 4.1), (4.1, 4.2), (4.2, 4.3)]):
                said.append(index)
                if index == 2:
                    doors.browser.post(f"/api/v1/voices/{doors.voice}/revoke", {"reason": ""}, JSON)
                yield Speech(sound[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)], RATE_HZ, "take", [])

    monkeypatch.setattr(resident, "engine", lambda: Breathless(sound))
    job = doors.render(stream=True, format="wav")
    assert (job["state"], said) == ("cancelled", [0, 1, 2])


def owner_of(job):
    return principal_of(Membership.objects.get(user=job.requested_by, organisation=job.organisation))


def decision_of(samples) -> Decision:
    return decide(examine(decoded(samples), sources()).findings)


@pytest.mark.provokes("synthesis.cancelled", "job_cancelled")
def test_a_listener_who_left_stops_the_job(doors, engine):
    def meanwhile(index):
        if index == 2:
            (job,) = SynthesisJob.objects.all()
            services.leave(principal=owner_of(job), job_id=job.pk)

    engine(talk(8.0), meanwhile)
    job = doors.render(stream=True, format="mp3")
    assert job["state"] == "cancelled"
    assert Mark.objects.get().ended_by == "caller"
    answer = doors.browser.get(f"/api/v1/jobs/{job['id']}/stream")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_cancelled")


# ---- the listener


@pytest.fixture
def begun(doors, owner):
    """A job of which two seconds have been released, by a worker that goes no further."""
    made = doors.submit(stream=True, format="wav")
    job = services.claim_job(job_id=made, worker="w")
    mark = reserved(job)
    file = services.begin_stream(job=job)
    known = services.Known(b"print", b"reference")
    for index in range(2):
        services.release_piece(
            job=job, mark=mark, file=file, data=bytes(32_000), end_ms=1000 * (index + 1), known=known
        )
    return job, mark, file


def test_bytes_leave_at_the_pace_of_their_sound(begun, owner):
    job, *_ = begun
    listener = services.open_stream(principal=owner, job_id=job.pk)
    assert listener.look()
    assert len(listener.take(paced=True)) == 8_000
    assert listener.next_at_s == pytest.approx(0.25)
    assert len(listener.take(paced=False)) == 56_000
    assert not listener.look() and not listener.has_all


@pytest.mark.provokes("stream_ended", "voice.suspended")
def test_each_chunk_is_asked_for_anew(begun, owner, doors, monkeypatch):
    job, *_ = begun
    monkeypatch.setattr(services.listening, "RENEWED_EVERY_S", 0.0)
    _key, secret = factories.people.create_key(
        principal=owner, name="k", scopes=["speech:write", "speech:read"]
    )
    key = ApiKey.objects.get()
    listener = services.open_stream(principal=replace(owner, api_key=key), job_id=job.pk)
    assert listener.look()
    key.revoked_at = timezone.now()
    key.save()
    with pytest.raises(AssentError) as refused:
        listener.look()
    assert refused.value.code == "authentication_required"
    listener = services.open_stream(principal=owner, job_id=job.pk)
    doors.browser.post(f"/api/v1/voices/{doors.voice}/suspend", {}, JSON)
    answer = doors.browser.get(f"/api/v1/jobs/{job.pk}/stream")
    assert (answer.status_code, answer.json()["code"]) == (403, "stream_ended")
    doors.browser.get(f"/api/v1/jobs/{job.pk}", headers={"authorization": f"Bearer {secret}"})


# ---- clients that go away


def asked_of_the_server(method, path, headers, body, *, gone_after=None, gone_when=None) -> list[dict]:
    """What the web process answers to one request whose client goes once ``gone_after`` says so of an answer's part,
    or ``gone_when`` of the world."""
    messages: list[dict] = []

    async def run():
        gone = asyncio.Event()
        requests = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if requests:
                return requests.pop()
            if gone_after is not None:
                await gone.wait()
            while gone_when is not None and not await sync_to_async(gone_when, thread_sensitive=False)():
                await asyncio.sleep(0.1)
            return {"type": "http.disconnect"}

        async def send(message):
            messages.append(message)
            if gone_after is not None and gone_after(message):
                gone.set()

        path_only, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path_only, "raw_path": path_only.encode(), "query_string": query.encode(),
            "headers": [(b"host", b"localhost"), *headers], "client": ("127.0.0.1", 1), "server": ("localhost", 80),
        }  # fmt: skip
        await BoundedBodies(get_asgi_application())(scope, receive, send)

    asyncio.run(run())
    return messages


def key_of(owner) -> tuple[bytes, bytes]:
    _key, secret = factories.people.create_key(
        principal=owner, name="k", scopes=["speech:write", "speech:read", "voices:read"]
    )
    return b"authorization", f"Bearer {secret}".encode()


def test_losing_the_client_of_a_stream_cancels_its_job(begun, owner):
    job, *_ = begun
    messages = asked_of_the_server(
        "GET", f"/api/v1/jobs/{job.pk}/stream?owned=true", [key_of(owner)], b"",
        gone_after=lambda message: bool(message.get("body")),
    )  # fmt: skip
    assert messages[0]["status"] == 200
    assert sum(len(message.get("body", b"")) for message in messages) >= 8_000
    assert SynthesisJob.objects.get().cancel_requested_at is not None


def test_a_client_who_goes_while_it_waits_cancels_its_job(doors, owner):
    body = json.dumps({"model": "m", "voice": doors.voice, "input": "The parcel arrived."}).encode()
    headers = [key_of(owner), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    asked_of_the_server("POST", "/v1/audio/speech", headers, body, gone_when=SynthesisJob.objects.exists)
    for _ in range(100):
        if SynthesisJob.objects.filter(state="cancelled").exists():
            return
        time.sleep(0.1)
    pytest.fail("the job goes on for nobody")


# ---- the database's own word


def test_the_database_holds_the_rules_of_pieces(begun):
    job, mark, _file = begun
    first, second = SynthesisPiece.objects.order_by("index")

    def refused(work):
        with pytest.raises(IntegrityError), transaction.atomic():
            work()

    row = {"job": job, "mark": mark, "index": 2, "start_byte": 64_000, "end_byte": 64_001, "end_ms": 2000}
    refused(lambda: SynthesisPiece.objects.create(**row, sha256="a" * 64, entry=job.authorised_entry))
    refused(lambda: SynthesisPiece.objects.filter(pk=first.pk).update(sha256="b" * 64))
    refused(lambda: SynthesisPiece.objects.filter(pk=second.pk).delete())
    refused(lambda: SynthesisJob.objects.filter(pk=job.pk).update(state="queued", worker=""))
    refused(lambda: Mark.objects.filter(pk=mark.pk).update(state="reserved"))
    refused(lambda: Mark.objects.filter(pk=mark.pk).update(duration_ms=1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM jobs_synthesispiece")
        assert cursor.fetchone() == (2,)


@pytest.mark.provokes("worker_lost", "synthesis.failed")
def test_a_stream_that_loses_its_worker_is_not_made_again(begun, doors):
    job, mark, _file = begun
    SynthesisJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    tasks.reap()
    answer = doors.browser.get(f"/api/v1/jobs/{job.pk}").json()
    assert (answer["state"], answer["error"]["code"]) == ("failed", "worker_lost")
    mark.refresh_from_db()
    assert (mark.state, mark.ended_by) == ("issued", "failure")


def test_a_piece_does_not_leave_after_a_revocation(begun, owner, doors):
    job, mark, file = begun
    consent.revoke(principal=owner, voice_id=job.voice_id, reason="")
    with pytest.raises(services.JobStopped):
        services.release_piece(job=job, mark=mark, file=file, data=b"x", end_ms=2100, known=None)
    assert SynthesisPiece.objects.count() == 2


# ---- long texts


def test_a_record_is_taken_down_while_it_streams_and_nothing_more_leaves(begun, owner):
    job, mark, file = begun
    take_down(
        public_id=mark.public_id, actor=owner.actor, organisation_id=job.organisation_id, reason="misuse"
    )
    mark.refresh_from_db()
    assert (mark.state, stream_reasons(mark)) == ("taken_down", ["stream_ended_by_failure"])
    with pytest.raises(RuntimeError, match="streams no more"):
        services.release_piece(job=job, mark=mark, file=file, data=b"x", end_ms=4000, known=None)
    assert SynthesisPiece.objects.count() == 2


def test_a_long_text_is_made_in_stretches(doors, engine, monkeypatch):
    asked, said = [], talk(2.0)[RATE_HZ:]

    class Short(SaysInPieces):
        def pieces(self, request, *, should_stop=None):
            asked.append(request.text)
            yield Speech(said, RATE_HZ, "take")

    monkeypatch.setattr(resident, "engine", lambda: Short(said))
    text = "The parcel arrived this morning, and nobody had asked for it. " * 67
    job = doors.render(text=text, format="mp3")
    assert job["is_streamed"] and job["state"] == "released", job["error"]
    assert max(map(len, asked)) <= 600 and len(asked[0]) < 100
    assert "".join(asked).replace(" ", "") == text.replace(" ", "")
