"""Whose voice does this sound like? The search over every voiceprint and every kept print."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np

from accounts.gates.limits import PROTECTED_COSINE
from accounts.voices import prints
from accounts.voices.models import Protection, Voice

PRINT_COSINE = PROTECTED_COSINE - 0.02  # a print tells the cosine to about .02


@dataclass(frozen=True)
class Neighbour:
    """A voice, or what is left of one, that sounds like the one that was asked about; `likeness` is a cosine."""

    likeness: float
    voice: Voice | None
    protection: Protection | None


def neighbours(heard: np.ndarray, *, of: Voice) -> list[Neighbour]:
    """Every voice but `of`, and every kept print, close to the speaker embedding `heard`; the closest first."""
    near = {**_near_voices(heard, of), **_near_prints(heard)}
    kept = {row.pk: row for row in Protection.objects.filter(pk__in=near).select_related("voice")}
    voices = {row.pk: row for row in Voice.objects.filter(pk__in=near)}
    found: dict[UUID, Neighbour] = {}
    for pk, cosine in near.items():
        protection = kept.get(pk)
        voice = protection.voice if protection else voices.get(pk)
        if voice is not None and voice.pk == of.pk:
            continue
        key = voice.pk if voice is not None else pk
        # A withdrawn voice whose voiceprint is still there is found by both.
        if key not in found or protection is not None:
            found[key] = Neighbour(cosine, voice, protection)
    return sorted(found.values(), key=lambda row: -row.likeness)


def _near_voices(heard: np.ndarray, of: Voice) -> dict[UUID, float]:
    rows = list(
        Voice.objects.filter(speaker_embedding__isnull=False, print_declined=False)
        .exclude(pk=of.pk)
        .values_list("pk", "speaker_embedding")
    )
    if not rows:
        return {}
    known = np.frombuffer(b"".join(bytes(data or b"") for _, data in rows), "<f4").reshape(len(rows), -1)
    cosines = known @ heard / np.maximum(np.linalg.norm(known, axis=1) * np.linalg.norm(heard), 1e-9)
    return {rows[i][0]: float(cosines[i]) for i in np.flatnonzero(cosines >= PROTECTED_COSINE)}


def _near_prints(heard: np.ndarray) -> dict[UUID, float]:
    rows = list(Protection.objects.filter(print__isnull=False).values_list("pk", "print"))
    if not rows:
        return {}
    known = np.frombuffer(b"".join(bytes(data or b"") for _, data in rows), np.uint8).reshape(
        len(rows), prints.SIZE
    )
    cosines = prints.likenesses(known, prints.print_of(heard))
    return {rows[i][0]: float(cosines[i]) for i in np.flatnonzero(cosines >= PRINT_COSINE)}
