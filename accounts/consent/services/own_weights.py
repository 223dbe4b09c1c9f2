"""Fine-tuned weights of a voice: taken only where its consent says so, gone when it ends.

The files are the worker's business; here is whether they count. Whatever closes a row wakes a worker to delete them.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.consent import selectors
from accounts.consent.models import Consent, VoiceWeights
from accounts.consent.scope import Scope
from accounts.people.models import User
from accounts.voices.models import Voice
from accounts.voices.services import lock_voice, record
from accounts.voices.states import VoiceStatus
from audit.actors import Actor
from synth.common.queue import send_on_commit
from synth.errors import Forbidden, NotFound

FORGET_TASK = "speech.forget_weights"


def weights_permitted_by(voice: Voice) -> Consent:
    """The live consent under which weights of this voice may be kept. Raises Forbidden ``consent_missing`` and
    ``scope_violation``."""
    consent = selectors.live_consent(voice)
    if consent is None or voice.status != VoiceStatus.ACTIVE:
        raise Forbidden("consent_missing", "Nobody consents to the use of this voice now.")
    if not Scope.from_json(consent.scope_in_force).custom_weights:
        raise Forbidden(
            "scope_violation",
            "The consent does not cover weights made of this voice.",
            extra={"param": "custom_weights"},
        )
    return consent


def add_weights(
    *, actor: Actor, voice_id: UUID, s1_sha256: str, s2_sha256: str, added_by: User | None = None
) -> VoiceWeights:
    """Let a pair of checkpoints count as this voice's own, in place of an earlier pair.

    Raises NotFound ``voice_not_found`` and what `weights_permitted_by` does.
    """
    if not Voice.objects.filter(pk=voice_id).exists():
        raise NotFound("voice_not_found", "There is no such voice.")
    with transaction.atomic():
        voice = lock_voice(voice_id)
        consent = weights_permitted_by(voice)
        # The files of the earlier pair were overwritten: there is nothing to delete.
        _close(voice, VoiceWeights.Reason.REPLACED, actor)
        weights = VoiceWeights.objects.create(
            voice=voice,
            consent=consent,
            consent_version=consent.version,
            s1_sha256=s1_sha256,
            s2_sha256=s2_sha256,
            added_by=added_by,
        )
        _log(actor, "voice.weights_added", voice, weights, consent_id=str(consent.pk))
    return weights


def remove_weights(*, actor: Actor, voice_id: UUID) -> bool:
    """Let the voice's own weights count no longer and have their files deleted; False when there were none."""
    if not Voice.objects.filter(pk=voice_id).exists():
        raise NotFound("voice_not_found", "There is no such voice.")
    with transaction.atomic():
        return close_weights(lock_voice(voice_id), VoiceWeights.Reason.REMOVED, actor)


def close_weights(voice: Voice, reason: VoiceWeights.Reason, actor: Actor) -> bool:
    """Inside a transaction that holds the voice: close its weights and send for their files to be deleted."""
    closed = _close(voice, reason, actor)
    if closed:
        send_on_commit(FORGET_TASK, voice.pk)
    return closed


def voices_with_weights() -> set[UUID]:
    """Voices whose own weights count now."""
    return set(VoiceWeights.objects.filter(removed_at__isnull=True).values_list("voice_id", flat=True))


def _close(voice: Voice, reason: VoiceWeights.Reason, actor: Actor) -> bool:
    weights = VoiceWeights.objects.select_for_update().filter(voice=voice, removed_at__isnull=True).first()
    if weights is None:
        return False
    weights.removed_at = timezone.now()
    weights.removed_reason = reason
    weights.save(update_fields=["removed_at", "removed_reason"])
    _log(actor, "voice.weights_removed", voice, weights, reason=str(reason))
    return True


def _log(actor: Actor, event: str, voice: Voice, weights: VoiceWeights, **facts: str) -> None:
    hashes = {"s1_sha256": weights.s1_sha256, "s2_sha256": weights.s2_sha256}
    record(actor, event, voice, weights_id=str(weights.pk), **hashes, **facts)
