"""Fine-tuned weights of a voice, as files: added under its consent, deleted when they count no longer.

Whether they count is a row of `accounts.consent.services.own_weights`; a file without such a row is never spoken with.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from uuid import UUID

from django.conf import settings

from accounts.consent import services as consent
from accounts.consent.models import VoiceWeights
from accounts.voices.models import Voice
from audit.actors import SYSTEM
from synth.common.ids import parse_id
from synth.errors import NotFound
from synth.gptsovits.store import Store

logger = logging.getLogger(__name__)
#: Files without a row are left alone for so long: their row may be about to be written.
SWEEP_AFTER_S = 600.0


def add(voice_id: UUID, s1: Path, s2: Path) -> VoiceWeights:
    """Take a pair for a voice: both files are opened safely and must be what they claim to be.

    Raises NotFound ``voice_not_found``, Forbidden ``consent_missing`` and ``scope_violation`` before a file is read,
    and `WeightsError`.
    """
    voice = Voice.objects.filter(pk=voice_id).first()
    if voice is None:
        raise NotFound("voice_not_found", "There is no such voice.")
    consent.weights_permitted_by(voice)
    weights = store()
    pair = weights.pairs.add(str(voice.pk), s1, s2)
    try:
        return consent.add_weights(
            actor=SYSTEM,
            voice_id=voice.pk,
            s1_sha256=weights.record.digest(pair.s1),
            s2_sha256=weights.record.digest(pair.s2),
        )
    except BaseException:
        weights.pairs.remove(str(voice.pk))
        raise


def remove(voice_id: UUID) -> bool:
    """Remove a voice's own pair; False when it has none."""
    removed = consent.remove_weights(actor=SYSTEM, voice_id=voice_id)
    store().pairs.remove(str(voice_id))
    return removed


def forget(voice_id: UUID) -> None:
    """Delete the files of a voice whose weights count no longer, and let go of them in memory."""
    if voice_id in consent.voices_with_weights():
        return  # a new pair was added meanwhile
    store().pairs.remove(str(voice_id))
    from worker import resident

    resident.forget_weights(str(voice_id))
    logger.info("the own weights of voice %s were deleted", voice_id)


def sweep() -> int:
    """`forget` whatever lies there without a row, and did so for a while."""
    weights = store()
    counting = {str(voice_id) for voice_id in consent.voices_with_weights()}
    stale = [
        name
        for name in weights.pairs.voices()
        if name not in counting
        and parse_id(name)
        and time.time() - weights.pairs.folder_of(name).stat().st_mtime > SWEEP_AFTER_S
    ]
    for name in stale:
        weights.pairs.remove(name)
        logger.warning("weights of voice %s had no row and were deleted", name)
    return len(stale)


def store() -> Store:
    return Store(settings.ASSENT_MODELS_DIR)
