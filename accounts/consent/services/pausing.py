"""A voice that rests for a while: suspended and resumed."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.consent.models import Consent
from accounts.people.principals import Principal
from accounts.voices import selectors
from accounts.voices.models import Voice
from accounts.voices.services import lock_voice, record
from accounts.voices.states import VoiceStatus, move
from audit.actors import Actor
from synth.errors import Conflict


def suspend(*, principal: Principal, voice_id: UUID | str) -> Voice:
    """Stop a voice for a while; running jobs are not released. Conflict ``voice_not_active`` if it is not."""
    return _pause(principal, voice_id, to=VoiceStatus.SUSPENDED, event="voice.suspended")


def resume(*, principal: Principal, voice_id: UUID | str) -> Voice:
    """Let a suspended voice speak again. Conflict ``voice_not_suspended`` if it is not."""
    return _pause(principal, voice_id, to=VoiceStatus.ACTIVE, event="voice.resumed")


def halt(*, actor: Actor, voice_id: UUID) -> bool:
    """Suspend a voice that is active, by the operator of the installation; False where it was not."""
    with transaction.atomic():
        voice = lock_voice(voice_id)
        if voice.status != VoiceStatus.ACTIVE:
            return False
        list(Consent.objects.select_for_update().filter(voice=voice, closed_as=""))
        move(Voice, voice.pk, VoiceStatus.SUSPENDED)
        record(actor, "voice.suspended", voice, reason="take_down")
    return True


def _pause(principal: Principal, voice_id: UUID | str, *, to: VoiceStatus, event: str) -> Voice:
    voice = selectors.get_controlled_voice(principal, voice_id)
    expected = VoiceStatus.ACTIVE if to == VoiceStatus.SUSPENDED else VoiceStatus.SUSPENDED
    with transaction.atomic():
        voice = lock_voice(voice.pk)
        if voice.status != expected:
            raise Conflict(f"voice_not_{expected}", f"The voice is {voice.get_status_display()}.")
        # A release holds the consent row (FOR SHARE) until it commits; taking it here keeps the two apart.
        list(Consent.objects.select_for_update().filter(voice=voice, closed_as=""))
        move(Voice, voice.pk, to)
        voice.status = to
        record(principal, event, voice)
    return voice
