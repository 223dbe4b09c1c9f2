"""Words in which the pages name gates, moods and the facts of a log entry, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.voices.states import CheckState, VoiceStatus

GATES: dict[str, Promise] = {
    "decode": _("The file can be read"),
    "check": _("The check finished"),
    "length": _("Length"),
    "rate": _("Sample rate"),
    "level": _("Level"),
    "clipping": _("Clipping"),
    "snr": _("Signal above noise"),
    "speech": _("Share of speech"),
    "own_mark": _("Not made by this service"),
    "carried": _("What the file says of itself"),
    "replay": _("Not an earlier recording"),
    "statement": _("The statement, without changes"),
    "person": _("The person's name"),
    "organisation": _("The organisation's name"),
    "purposes": _("The purposes"),
    "date": _("The date"),
    "challenge_words": _("The six words"),
    "single_speaker": _("One speaker"),
    "speaker": _("Same speaker as the consent"),
    "protected_voice": _("Not somebody else's voice"),
    "expression": _("Moderate expression"),
    "transcript": _("Fits the transcript"),
    "transcript_words": _("The words of the transcript"),
    "scope": _("Permits what was acknowledged"),
    "voice": _("The voice is open"),
    "review": _("The reviewer's decision"),
}

EMOTIONS: dict[str, Promise] = {
    "neutral": _("neutral"),
    "sad": _("sad"),
    "cheerful": _("cheerful"),
    "calm": _("calm"),
    "angry": _("angry"),
    "fearful": _("fearful"),
    "serious": _("serious"),
    "tender": _("tender"),
}

FACTS: dict[str, Promise] = {
    "engine": _("engine"),
    "format": _("format"),
    "duration_ms": _("milliseconds"),
    "purpose": _("purpose"),
    "language": _("language"),
    "code": _("reason"),
    "emotion": _("mood"),
    "consent_version": _("consent version"),
    "job_id": _("job"),
    "attempt": _("attempt"),
    "decision": _("decision"),
    "source": _("source"),
}


# Parts of what one gate measures.
PARTS: dict[str, Promise] = {
    "ratio": _("share"),
    "seconds": _("seconds"),
    "words": _("in the words"),
    "statement": _("in the statement"),
    "voiced": _("voiced"),
    "range_st": _("semitones"),
    "tremble_db": _("tremble dB"),
    "jumps_per_s": _("jumps a second"),
}
UNITS: dict[str, Promise] = {
    "words": _("words"),
    "cosine": _("likeness"),
    "bit error rate": _("difference"),
    "share of words": _("of the words"),
    "characters/s": _("characters a second"),
}


#: What a recording or a speech that was fine is shown as while its voice may not speak.
STOPPED: dict[str, str] = {
    VoiceStatus.REVOKED: "consent_revoked",
    VoiceStatus.EXPIRED: "consent_expired",
    VoiceStatus.SUSPENDED: "voice_suspended",
}


def shown_check(state: str, voice_status: str) -> str:
    """The state of a recording's check as pages show it: what was approved is not, once the voice may not speak."""
    return STOPPED.get(voice_status, state) if state == CheckState.APPROVED else state


def gate_rows(gates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gates as measured, each with a `title`, its `unit` in words, and its `parts`: (label, measured, limit)."""
    return [
        {
            **gate,
            "title": GATES.get(gate["name"], gate["name"]),
            "unit": _unit(gate),
            "parts": _parts(gate.get("measured"), gate.get("limit")),
        }
        for gate in gates
    ]


def _unit(gate: dict[str, Any]) -> Promise | str:
    """What a number counts; words that were heard stand for themselves (receipts hold numbers as text too)."""
    unit = gate.get("unit") or ""
    return "" if unit == "words" and isinstance(gate.get("measured"), str) else UNITS.get(unit, unit)


def _parts(measured: Any, limit: Any) -> list[tuple[Promise | str, Any, Any]]:
    """What a gate measured, beside its limits; a yes or no needs no numbers, the icon says it."""
    if isinstance(measured, dict):
        limits = limit if isinstance(limit, dict) else {}
        return [(PARTS.get(key) or key, value, limits.get(key)) for key, value in measured.items()]
    if measured is None or measured == "" or isinstance(measured, bool):
        return []
    return [("", measured, None if isinstance(limit, dict) else limit)]


def emotion_label(emotion: str) -> Promise | str:
    """The mood's word; one that the owner made up stands for itself."""
    return EMOTIONS.get(emotion, emotion)


def fact_rows(body: dict[str, Any]) -> list[tuple[Promise, str]]:
    """The facts of an entry that mean something to a reader, in a fixed order; identifiers shortened."""
    data = body.get("data") or {}
    rows = []
    for key, label in FACTS.items():
        value = data.get(key)
        if value is not None and value != "":
            text = str(value)
            rows.append((label, text if len(text) <= 24 else f"{text[:8]}…"))
    return rows
