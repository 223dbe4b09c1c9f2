"""The biometric notice: before the first recording of a person, where the profile asks for it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.people.models import User
from accounts.people.principals import Principal
from accounts.voices.models import Voice
from audit.services import record
from audit.subjects import about
from synth.errors import Forbidden
from synth.law import profiles
from synth.rights.models import BiometricAcknowledgement

VERSION = 1
"""Of the notice's text; another version has to be acknowledged anew."""


def acknowledge(*, principal: Principal) -> BiometricAcknowledgement:
    """Note that the person at the portal read the notice; no key can. Again is no error."""
    principal.require_person()
    with transaction.atomic():
        row, is_new = BiometricAcknowledgement.objects.get_or_create(user=principal.user, version=VERSION)
        if is_new:
            record(
                event="biometrics.acknowledged",
                actor=principal.actor,
                subject=about("user", principal.user.pk),
                data={"user_id": str(principal.user.pk), "version": VERSION},
            )
    return row


def is_acknowledged(user: User) -> bool:
    return BiometricAcknowledgement.objects.filter(user=user, version=VERSION).exists()


def on_challenge_wanted(sender: Any, voice: Voice, **kwargs: Any) -> None:
    """Receiver of `challenge_wanted`: no statement before the voice's owner was told what is made of the recording.

    Who consents by a link has acknowledged it by using the link (`on_notice_read`), and is not asked here.
    """
    asked = profiles.rules(settings.ASSENT_PROFILE).biometric_notice and voice.owner.has_account
    if asked and not is_acknowledged(voice.owner):
        raise Forbidden(
            "biometrics_not_acknowledged",
            "The owner of this voice has to read the notice about voiceprints first.",
            extra={"page": f"{settings.ASSENT_BASE_URL}/person"},
        )


def on_notice_read(sender: Any, principal: Principal, **kwargs: Any) -> None:
    """Receiver of `biometric_notice_read`: the page of a link shows the notice above the button that goes on."""
    acknowledge(principal=principal)
