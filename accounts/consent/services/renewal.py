"""Notices before a consent ends: a letter to the voice's owner thirty days, seven days and one day before."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.consent.models import Consent
from accounts.voices.services import record
from accounts.voices.states import VoiceStatus
from audit.actors import SYSTEM

NOTICE_DAYS = (30, 7, 1)
MAIL_LANGUAGES = ("en", "zh-hans")


def send_renewal_notices(*, now: datetime | None = None) -> int:
    """Write to the owners of voices whose consent ends soon; returns how many letters were sent.

    Each notice goes out once. One that was missed (the service stood still) is not made up for: the nearest
    one says all that the missed one would have said. Consents for fewer days than a notice's get none of it.
    """
    moment = now or timezone.now()
    ending = Consent.objects.filter(
        closed_as="",
        voice__status__in=[VoiceStatus.ACTIVE, VoiceStatus.SUSPENDED],
        valid_until__gt=moment,
        valid_until__lte=moment + timedelta(days=max(NOTICE_DAYS)),
    )
    return sum(_notify(pk, moment) for pk in list(ending.values_list("pk", flat=True)))


def due_notice(consent: Consent, moment: datetime) -> int | None:
    """The notice, in days before the end, that is due at `moment` and was not sent yet."""
    left = consent.valid_until - moment
    whole = consent.valid_until - consent.valid_from
    due = min(
        (days for days in NOTICE_DAYS if timedelta(0) < left <= timedelta(days=days) < whole), default=None
    )
    if due is None or (consent.noticed_days is not None and consent.noticed_days <= due):
        return None
    return due


def _notify(pk: UUID, moment: datetime) -> bool:
    with transaction.atomic():
        consent = (
            Consent.objects.select_for_update(of=("self",))
            .select_related("voice", "voice__owner", "voice__organisation")
            .get(pk=pk)
        )
        due = due_notice(consent, moment) if consent.closed_as == "" else None
        if due is None:
            return False
        Consent.objects.filter(pk=pk).update(noticed_days=due)
        voice = consent.voice
        record(
            SYSTEM,
            "consent.expiry_noticed",
            voice,
            once=f"consent.expiry_noticed:{pk}:{due}",
            consent_id=str(consent.pk),
            valid_until=consent.valid_until.isoformat(),
            days_left=(consent.valid_until - moment).days,
        )
        subject, body = letter(consent, days=max(1, (consent.valid_until - moment).days))
        # Inside the transaction: a letter that cannot be sent leaves the notice due.
        if voice.owner.letters_to:
            send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [voice.owner.letters_to])
    return True


def letter(consent: Consent, *, days: int) -> tuple[str, str]:
    """Subject and body, in every language of the portal: which one its owner reads is not known here."""
    parts = []
    subjects = []
    for language in MAIL_LANGUAGES:
        with translation.override(language):
            words = {
                "voice": consent.voice.name,
                "organisation": consent.voice.organisation.name,
                "until": consent.valid_until.date().isoformat(),
                "days": days,
                "url": f"{settings.ASSENT_BASE_URL}/voices/{consent.voice_id}",
            }
            subjects.append(_("Your consent to “%(voice)s” ends soon") % words)
            parts.append(
                ngettext(
                    "Your consent to the voice “%(voice)s”, used by %(organisation)s, ends in %(days)d day"
                    " (%(until)s).",
                    "Your consent to the voice “%(voice)s”, used by %(organisation)s, ends in %(days)d days"
                    " (%(until)s).",
                    days,
                )
                % words
                + "\n"
                + _(
                    "If you do nothing, nothing is said in this voice from then on. To renew, record a new"
                    " statement; you may permit less, or more, than before:"
                )
                + f"\n{words['url']}"
            )
    return " / ".join(subjects), "\n\n".join(parts) + "\n"
