"""Consent receipts: JSON after Kantara's consent receipt and ISO/IEC TS 27560, RFC 8785 bytes, Ed25519.

The signature is over the canonical bytes of the receipt, nothing else, so anybody with a JSON canonicaliser
and the public key can check one. Each receipt names the hash of the receipt before it for the same voice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785
from django.conf import settings
from django.utils import timezone

from accounts.consent import receipt_keys
from accounts.consent.models import Consent, Submission
from accounts.consent.receipt_keys import VerifyingKey
from accounts.voices.models import Clip, Voice
from accounts.voices.states import VoiceStatus
from synth.errors import AssentError

SCHEMA = "https://www.w3.org/ns/dpv#ConsentRecord"
VERSION = "assent-consent-receipt-2"
MAX_RECEIPT_BYTES = 256 * 1024


@dataclass(frozen=True)
class SignedReceipt:
    """A receipt, the hex SHA-256 of its canonical bytes, and the base64 Ed25519 signature over them."""

    receipt: dict[str, Any]
    sha256: str
    signature: str


def canonical(receipt: Any) -> bytes:
    """RFC 8785 bytes of a receipt. Raises AssentError ``receipt_malformed`` for what has no such form."""
    try:
        data = rfc8785.dumps(receipt)
    except (ValueError, TypeError, RecursionError, UnicodeError) as error:
        raise AssentError(
            "receipt_malformed", "This is not a receipt: it has no canonical JSON form."
        ) from error
    if len(data) > MAX_RECEIPT_BYTES:
        raise AssentError(
            "receipt_malformed",
            "This is too long for a receipt.",
            measured=len(data),
            limit=MAX_RECEIPT_BYTES,
        )
    return data


def sign(receipt: dict[str, Any]) -> SignedReceipt:
    data = canonical(receipt)
    return SignedReceipt(
        receipt=receipt,
        sha256=hashlib.sha256(data).hexdigest(),
        signature=_b64(receipt_keys.sign(data)),
    )


def signature_is_valid(receipt: Any, signature: str) -> bool:
    """Whether `signature` (base64) is this service's over `receipt`, by the key that the receipt names."""
    key = key_of(receipt)
    if key is None:
        return False
    try:
        return key.verifies(base64.b64decode(signature, validate=True), canonical(receipt))
    except (binascii.Error, ValueError, AssentError):
        return False


def key_of(receipt: Any) -> VerifyingKey | None:
    """The key of this service, present or earlier, that `receipt` says it was signed with."""
    named = receipt.get("signing_key_id") if isinstance(receipt, dict) else None
    return receipt_keys.named(named) if isinstance(named, str) else None


def build(
    *,
    voice: Voice,
    submission: Submission,
    clip: Clip,
    consent: Consent,
    issued_at: datetime,
    reviewed: bool,
) -> SignedReceipt:
    """The signed receipt of a consent about to be stored; the subject appears as an identifier."""
    challenge = submission.challenge
    previous = (
        Consent.objects.filter(voice=voice)
        .order_by("-version")
        .values_list("receipt_sha256", flat=True)
        .first()
    )
    base_url = settings.ASSENT_BASE_URL
    return sign(
        {
            "version": VERSION,
            "schema": SCHEMA,
            "receipt_id": str(consent.pk),
            "consent_version": consent.version,
            "issued_at": _time(issued_at),
            "signing_key_id": receipt_keys.current().key_id,
            "previous_receipt_hash": previous,
            "service": {"operator": settings.ASSENT_OPERATOR, "url": base_url},
            "controller": {"id": str(voice.organisation_id), "name": voice.organisation.name},
            "subject": {"id": str(voice.owner_id), "voice_id": str(voice.pk)},
            "collection": _collection(submission, clip),
            "scope": challenge.scope,
            "scope_sha256": challenge.scope_sha256,
            "valid_from": _time(consent.valid_from),
            "valid_until": _time(consent.valid_until),
            "withdrawal": {"at_any_time": True, "url": f"{base_url}/voices/{voice.pk}"},
            "data": {
                "categories": ["voice recording", "voiceprint (biometric)"],
                "kept_until": "the voice is erased by its owner",
            },
            "checks": _checks(submission, reviewed=reviewed),
            "verify_url": f"{base_url}/api/v1/receipts/verify",
        }
    )


def _collection(submission: Submission, clip: Clip) -> dict[str, Any]:
    """How the consent was given: the statement, its recording, and what was declared beside it."""
    challenge = submission.challenge
    return {
        "method": "spoken statement",
        "source": submission.source,
        "language": challenge.language,
        "statement": challenge.statement,
        "statement_sha256": hashlib.sha256(challenge.statement.encode()).hexdigest(),
        "challenge_id": str(challenge.pk),
        "issued_at": _time(challenge.created_at),
        "recorded_at": _time(submission.created_at),
        "recording_sha256": clip.sha256,
        "recording_duration_ms": clip.duration_ms,
        "acknowledged_scope_sha256": submission.acknowledged_scope_sha256,
        "attestations": [
            {**declaration, "made_in_session_of": str(submission.submitted_by_id)}
            for declaration in submission.attestations
        ],
    }


def _checks(submission: Submission, *, reviewed: bool) -> dict[str, Any]:
    """What was measured on the recording, and who decided."""
    return {
        "decided_by": "reviewer" if reviewed else "measurement",
        "gates": [
            {key: _exact(gate[key]) for key in ("name", "outcome", "measured", "limit", "unit", "code")}
            for gate in submission.gates
        ],
        "model_versions": dict(submission.model_versions),
    }


def verdict(receipt: dict[str, Any], signature: str) -> dict[str, Any]:
    """What can be said of a receipt that somebody presents: is it ours, unaltered, and its consent live?

    The consent's state is told only to whoever presents a valid receipt of it. Raises AssentError
    ``receipt_malformed`` for what is no receipt at all.
    """
    digest = hashlib.sha256(canonical(receipt)).hexdigest()
    now = timezone.now()
    valid = signature_is_valid(receipt, signature)
    consent = Consent.objects.filter(receipt_sha256=digest).select_related("voice").first() if valid else None
    state = "unknown"
    if consent is not None:
        state = consent.state_at(now)
        if state == "live" and consent.voice.status == VoiceStatus.SUSPENDED:
            state = "suspended"
    return {
        "valid": valid,
        "state": state,
        "revoked_at": consent.revoked_at if consent else None,
        "sha256": digest,
        "key_id": key.key_id if valid and (key := key_of(receipt)) else receipt_keys.current().key_id,
        "checked_at": now,
    }


def _exact(value: Any) -> Any:
    """Fractions as decimal text: a receipt must read the same through every JSON library and database."""
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    return value


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
