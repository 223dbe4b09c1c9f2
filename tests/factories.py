"""Rows for tests, made through the same services as in life: no rule is gone round, only the audio is given."""

from __future__ import annotations

import io
import itertools
import secrets
from typing import Any

import numpy as np
import soundfile as sf
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from accounts.consent import services as consent
from accounts.consent.attestations import WORDING
from accounts.consent.models import Challenge
from accounts.consent.services.decisions import GATES_THAT_MUST_PASS as CONSENT_GATES
from accounts.consent.services.styles import GATES_THAT_MUST_PASS as STYLE_GATES
from accounts.people import services as people
from accounts.people.models import Membership, Organisation, User
from accounts.people.principals import Principal, principal_of
from accounts.voices import services as voices
from accounts.voices.models import Style, Voice

_serial = itertools.count(1)
RATE_HZ = 16_000


def wav(samples: np.ndarray | None = None, rate_hz: int = RATE_HZ) -> bytes:
    """A WAV file; a second of quiet noise unless samples are given."""
    if samples is None:
        samples = np.random.default_rng(next(_serial)).normal(0, 0.01, rate_hz)
    buffer = io.BytesIO()
    sf.write(buffer, samples, rate_hz, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def person(email: str = "") -> User:
    return User.objects.create_user(
        email=email or f"person-{secrets.token_hex(6)}@example.org", password="long-enough-1"
    )


def organisation(owner: User | None = None, name: str = "") -> Organisation:
    return people.create_organisation(owner=owner or person(), name=name or f"Studio {next(_serial)}")


def owner_principal(name: str = "") -> Principal:
    """The owner of a new organisation."""
    row = organisation(name=name)
    return principal_of(Membership.objects.select_related("user", "organisation").get(organisation=row))


def member_principal(of: Principal, role: str) -> Principal:
    membership = Membership.objects.create(user=person(), organisation=of.organisation, role=role)
    return principal_of(Membership.objects.select_related("user", "organisation").get(pk=membership.pk))


def embedding(seed: int = 0) -> np.ndarray:
    """A speaker embedding; those of two seeds are not alike."""
    if seed == 0:
        return np.eye(256)[0]
    drawn = np.random.default_rng(seed).normal(size=256)
    return drawn / np.linalg.norm(drawn)


def passing_report(
    gates: frozenset[str], samples: np.ndarray | None = None, rate_hz: int = RATE_HZ, speaker: int = 0
) -> dict:
    """What the gates say of a good recording of `speaker`."""
    seconds = 5.0 if samples is None else len(samples) / rate_hz
    said = {"purposes": "general use narration dubbing assistants and accessibility"}  # the longest of them
    return {
        "decision": "approved",
        "gates": [
            {
                "name": name,
                "outcome": "pass",
                "measured": said.get(name, 1),
                "limit": said.get(name, 1),
                "unit": "",
            }
            for name in sorted(gates)
        ],
        "speaker_embedding": embedding(speaker).tolist(),
        "fingerprint": "",
        "duration_ms": round(1000 * seconds),
        "sample_rate_hz": rate_hz,
        "model_versions": {"test": "1"},
    }


def acknowledged(challenge: Challenge) -> dict[str, Any]:
    """What whoever answers `challenge` says beside the recording: that they read what it permits, and are of age."""
    return {"scope_sha256": challenge.scope_sha256, "attestations": list(WORDING)}


def consented_voice(
    principal: Principal, *, name: str = "", samples: np.ndarray | None = None, person_name: str = "Ada Byron",
    speaker: int | None = None, **scope: Any,
) -> Voice:  # fmt: skip
    """A voice with a live consent of this scope, its recording approved by a given report. Everybody sounds different,
    unless `speaker` says who it is."""
    voice = voices.register_voice(
        principal=principal, name=name or f"Voice {next(_serial)}", person_name=person_name, language="en"
    )
    challenge = consent.issue_challenge(principal=principal, voice_id=voice.id, **scope)
    with transaction.atomic():  # where a service runs, its worker must not be the first to check
        submission = consent.submit_recording(
            principal=principal,
            challenge_id=challenge.id,
            upload=SimpleUploadedFile("take.wav", wav(samples)),
            source="microphone",
            **acknowledged(challenge),
        )
        assert consent.begin_check(submission_id=submission.id) is not None
    submission = consent.apply_consent_gates(
        submission_id=submission.id,
        result=passing_report(
            CONSENT_GATES, samples, speaker=secrets.randbits(60) if speaker is None else speaker
        ),
    )
    assert submission.state == "approved", submission.reasons
    voice.refresh_from_db()
    return voice


def approved_style(
    principal: Principal, voice: Voice, *, name: str = "neutral", samples: np.ndarray | None = None,
    transcript: str = "The rain stopped before noon.", rate_hz: int = RATE_HZ,
) -> Style:  # fmt: skip
    with transaction.atomic():
        style = consent.add_style(
            principal=principal,
            voice_id=voice.id,
            name=name,
            emotion=name,
            language="en",
            transcript=transcript,
            upload=SimpleUploadedFile("clip.wav", wav(samples, rate_hz)),
        )
        assert consent.begin_style_check(style_id=style.id) is not None
    style = consent.apply_style_gates(style_id=style.id, result=passing_report(STYLE_GATES, samples, rate_hz))
    assert style.state == "approved", style.reasons
    return style
