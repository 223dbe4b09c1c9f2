"""A voice's life, told as it happens: consent, speech, verification, tampering, revocation.

Everything goes through the public HTTP interface of a running service, as any client's requests would. The
"people" are synthetic voices; their recordings come with the tests.
"""

from __future__ import annotations

import io
import secrets
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.people import services as people
from accounts.people.models import Membership, User
from accounts.people.permissions import SCOPES
from accounts.people.principals import Principal, principal_of
from worker.api_client import Client

EMAIL = "demonstration@assent.invalid"
SPEAKER, STRANGER = "awb", "slt"
TEXT = (
    "The letter came on a Tuesday. Nobody opened it until the evening, "
    "and then the house was quiet for a long time."
)


class Command(BaseCommand):
    help = "Show the service at work on synthetic voices; may be repeated on one data folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", help="where the service answers, e.g. http://localhost:8000")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from tests import takes
        except ModuleNotFoundError as error:
            raise CommandError(
                "The demonstration's recordings are not here (the folder tests/data/takes)."
            ) from error
        principal = demonstration_owner(takes.ORGANISATION)
        key, secret = people.create_key(
            principal=principal, name="demonstration", scopes=sorted(SCOPES), days=1
        )
        folder = Path(settings.ASSENT_DATA_DIR) / "demo"
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            Story(Client(options["address"], secret), takes, folder, self.stdout.write).tell()
        finally:
            people.revoke_key(principal=principal, key_id=key.pk)


def demonstration_owner(organisation: str) -> Principal:
    """The owner of the demonstration's organisation, made once. Nobody can log in with this account."""
    with transaction.atomic():
        user = User.objects.filter(email=EMAIL).first()
        if user is None:
            user = User.objects.create_user(EMAIL, name="Demonstration")
            people.create_organisation(owner=user, name=organisation)
    membership = Membership.objects.select_related("user", "organisation").filter(
        user=user, organisation__name=organisation
    )
    return principal_of(membership.get())


class Story:
    """The steps, one method each; any answer that is not the expected one ends the demonstration."""

    def __init__(self, client: Client, takes: Any, folder: Path, write: Any) -> None:
        self.client = client
        self.takes = takes
        self.folder = folder
        self.write = write
        self.seed = secrets.randbelow(2**31)  # no recording may be the same twice: that would be a replay
        self.step = 0

    def tell(self) -> None:
        voice = self.register()
        self.consent(voice)
        self.styles(voice)
        job, speech = self.speak(voice)
        self.verify("As released", speech, expect={"issued"})
        self.verify(
            "With a second cut out of the middle", self.cut(speech), expect={"issued_edited", "partial"}
        )
        self.verify(
            "With someone else's words put in", self.splice(speech), expect={"issued_edited", "partial"}
        )
        self.verify(
            "A recording that this service never made",
            self.stranger(),
            expect={"no_watermark", "inconclusive"},
        )
        self.revoke(voice, job, speech)
        self.write(f"\nThe files are in {self.folder}. The log can be checked with: manage.py audit_verify")

    def register(self) -> str:
        self.say(f"{self.takes.PERSON} registers a voice")
        name = f"Demonstration {time.strftime('%Y-%m-%d %H:%M:%S')}"
        body = {"name": name, "person_name": self.takes.PERSON, "language": "en"}
        voice = self.client.post("/api/v1/voices", json_body=body)
        self.detail(f"voice {voice['slug']}: {voice['status']}")
        return str(voice["id"])

    def consent(self, voice: str) -> None:
        self.say("The service asks for a statement with six random words, valid for ten minutes and once")
        challenge = self.client.post(f"/api/v1/voices/{voice}/challenges", json_body={})
        for term in challenge["terms"]:
            self.detail(f"{term['title'].lower():<24} {'; '.join(term['items'])}")
        self.detail(f"“{challenge['statement']}”")
        take = self.takes.take(challenge["statement"], SPEAKER, seed=self.seed)
        submission = self.client.post(
            f"/api/v1/challenges/{challenge['id']}/recording",
            fields={
                "source": "microphone",
                "scope_sha256": challenge["scope_sha256"],
                "attestations": ",".join(declared["code"] for declared in challenge["attestations"]),
            },
            upload=("recording.wav", wav(take.samples, take.sample_rate_hz)),
        )
        path = f"/api/v1/submissions/{submission['id']}"
        submission = self.client.wait(path, while_in=("queued", "checking"))
        for gate in submission["gates"]:
            self.detail(gate_line(gate))
        if submission["state"] == "needs_review":
            self.detail(
                "a reviewer must listen (is the speaker model installed? make setup); approving as the owner"
            )
            body = {"approve": True, "note": "demonstration"}
            self.client.post(f"/api/v1/review/submissions/{submission['id']}", json_body=body)
            submission = self.client.get(path)
        self.expect(submission["state"], {"approved"}, submission["reasons"])
        self.detail("approved; a signed receipt of the consent is kept")

    def styles(self, voice: str) -> None:
        self.say("Clips of the voice in two moods become styles; a clip of somebody else does not")
        for speaker, name, expected in (
            (SPEAKER, "neutral", "approved"),
            (SPEAKER, "sad", "approved"),
            (STRANGER, "cheerful", "rejected"),
        ):
            clip = self.takes.style_clip(speaker, name)
            style = self.client.post(
                f"/api/v1/voices/{voice}/styles",
                fields={"name": name, "emotion": name, "language": "en", "transcript": clip.transcript},
                upload=("clip.wav", wav(clip.samples, clip.sample_rate_hz)),
            )
            style = self.client.wait(f"/api/v1/styles/{style['id']}", while_in=("queued", "checking"))
            why = "; ".join(reason["message"] for reason in style["reasons"])
            self.detail(
                f"{name}, spoken by {'the owner' if speaker == SPEAKER else 'a stranger'}: {style['state']}  {why}"
            )
            self.expect(
                style["state"],
                {expected, "needs_review"} if expected == "rejected" else {expected},
                style["reasons"],
            )

    def speak(self, voice: str) -> tuple[dict[str, Any], bytes]:
        self.say("The voice speaks a sentence in the sad style")
        body = {"voice": voice, "text": TEXT, "style": "sad", "format": "wav"}
        job = self.client.post("/api/v1/jobs", json_body=body)
        job = self.client.wait(f"/api/v1/jobs/{job['id']}", while_in=("queued", "running"))
        self.expect(job["state"], {"released"}, job.get("error"))
        output = job["output"]
        audio = self.client.raw(output["audio"])
        path = self.save("speech.wav", audio)
        self.detail(
            f"{path}: {job['engine']} {job['engine_version']}{' (preview)' if job['is_preview'] else ''}"
        )
        self.detail(
            f"marks: {', '.join(output['mark_layers'])}; labelled: {output['is_labelled']};"
            f" sha-256 {output['sha256'][:16]}…"
        )
        report = job["follow_report"]
        for name in ("f0_median_hz", "f0_range_st", "rate_per_s", "pause_ratio", "level_db"):
            self.detail(
                f"{name:<14} style clip {short(report['reference'][name]):<8} speech {short(report['output'][name])}"
            )
        if report.get("similarity") is not None:
            self.detail(f"similarity to the voice of the consent recording: {short(report['similarity'])}")
        return job, audio

    def verify(self, what: str, audio: bytes, *, expect: set[str]) -> None:
        self.say(f"Anybody asks about a file: {what.lower()}")
        answer = self.client.post("/api/v1/verify", upload=("file.wav", audio), anonymous=True)
        if "report" not in answer:  # 202: the queue was busy
            answer = self.client.wait(answer["location"], while_in=("queued", "running"))
        report = answer["report"]
        self.detail(f"{report['verdict']}: {report['sentence']['en']}")
        for interval in report.get("intervals", []):
            self.detail(f"  {interval['start_s']:6.2f} to {interval['end_s']:6.2f} s  {interval['kind']}")
        for record in report.get("records", []):
            self.detail(f"  made for {record['organisation']}, consent {record['consent']}")
        self.expect(report["verdict"], expect, report)

    def revoke(self, voice: str, job: dict[str, Any], speech: bytes) -> None:
        self.say("The owner revokes; from now on nothing in this voice starts or is given out")
        self.client.post(f"/api/v1/voices/{voice}/revoke", json_body={"reason": "the demonstration is over"})
        body = {"voice": voice, "text": "Not any more.", "style": "sad"}
        for what, refused in (
            ("a new sentence", self.client.refusal("POST", "/api/v1/jobs", json_body=body)),
            ("the earlier file", self.client.refusal("GET", job["output"]["audio"])),
        ):
            self.detail(f"{what}: refused, {refused['status']} {refused.get('code')}")
            self.expect(refused["status"], {403, 404, 410}, refused)
        self.verify("the earlier file, after the revocation", speech, expect={"issued"})

    def cut(self, speech: bytes) -> bytes:
        samples, rate_hz = sf.read(io.BytesIO(speech), dtype="float32")
        middle = len(samples) // 2
        return self._saved(
            "cut.wav", np.concatenate([samples[:middle], samples[middle + rate_hz :]]), rate_hz
        )

    def splice(self, speech: bytes) -> bytes:
        samples, rate_hz = sf.read(io.BytesIO(speech), dtype="float32")
        words = self._at_rate(self.takes.style_clip(STRANGER, "neutral"), rate_hz)[: 2 * rate_hz]
        middle = len(samples) // 2
        return self._saved(
            "spliced.wav", np.concatenate([samples[:middle], words, samples[middle:]]), rate_hz
        )

    def stranger(self) -> bytes:
        clip = self.takes.style_clip(STRANGER, "neutral")
        return self._saved("unmarked.wav", clip.samples, clip.sample_rate_hz)

    def _at_rate(self, clip: Any, rate_hz: int) -> np.ndarray:
        from synth.audio.resample import resample

        return resample(clip.samples, clip.sample_rate_hz, rate_hz)

    def _saved(self, name: str, samples: np.ndarray, rate_hz: int) -> bytes:
        data = wav(samples, rate_hz)
        self.save(name, data)
        return data

    def save(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def say(self, sentence: str) -> None:
        self.step += 1
        self.write(f"\n{self.step}. {sentence}")

    def detail(self, text: str) -> None:
        self.write(f"   {text}")

    def expect(self, value: Any, allowed: set[Any], why: Any) -> None:
        if value not in allowed:
            raise CommandError(f"Expected {' or '.join(map(str, sorted(allowed)))}, got {value}: {why}")


def wav(samples: np.ndarray, sample_rate_hz: int) -> bytes:
    """16-bit WAV of mono samples within +-1."""
    buffer = io.BytesIO()
    sf.write(buffer, np.clip(samples, -1, 1), sample_rate_hz, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def gate_line(gate: Mapping[str, Any]) -> str:
    measured = "" if gate.get("measured") is None else f"{short(gate['measured'])} {gate.get('unit') or ''}"
    limit = "" if gate.get("limit") is None else f"(limit {short(gate['limit'])})"
    return f"{gate['name']:<16} {gate['outcome']:<8} {measured} {limit}".rstrip()


def short(value: Any) -> str:
    """Numbers with three digits, and containers of them."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {short(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(short(item) for item in value)
    return str(value)
