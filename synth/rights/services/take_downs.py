"""Take-downs that outsiders ask for: kept with the hour by which they are due, decided by the operator.

Granting one takes the file down and suspends the voice that spoke it; the voice's owner or an owner of its organisation
decides whether it goes on. Where it was somebody's own voice, its print is kept against a new registration.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.consent.services import halt
from accounts.people import texts
from accounts.people.mail import tell_administrators
from accounts.people.principals import Principal
from accounts.voices.models import Protection
from accounts.voices.protections import keep_print
from accounts.voices.services import lock_voice
from audit.services import record
from audit.subjects import about
from synth.common import ratelimit
from synth.errors import AssentError, NotFound
from synth.law import profiles
from synth.rights import selectors
from synth.rights.models import TakeDown
from synth.rights.services.letters import clean_text, send_on_commit
from watermark.callers import Caller
from watermark.models import Mark
from watermark.services import take_down

RATE = "5/hour"


def hours() -> int:
    """Within which a request is to be decided here."""
    return profiles.rules(settings.ASSENT_PROFILE).take_down_hours


def ask_for_take_down(
    *,
    caller: Caller,
    ground: str,
    name: str,
    email: str,
    text: str,
    record_id: UUID | None = None,
    language: str = "en",
) -> TakeDown:
    """Keep a request. ``record_id`` is what verification named; without one the operator has to find the file.

    Raises AssentError ``ground_unknown``, ``email_invalid`` and what texts are refused for; NotFound
    ``record_not_found``; TooMany ``rate_limited``.
    """
    ratelimit.check(action="take-down", subject=caller.subject, rate=RATE)
    if ground not in TakeDown.Ground.values:
        raise AssentError(
            "ground_unknown",
            "Say why it is to be taken down.",
            limit=TakeDown.Ground.values,
            extra={"param": "ground"},
        )
    if record_id and not Mark.objects.filter(public_id=record_id).exclude(state=Mark.State.RESERVED).exists():
        raise NotFound("record_not_found", "There is no such record.")
    now = timezone.now()
    with transaction.atomic():
        row = TakeDown.objects.create(
            record_id=record_id,
            ground=ground,
            name=texts.clean_line(name, field="name", limit=120),
            email=texts.clean_email(email),
            text=clean_text(text, field="text"),
            language=language,
            due_at=now + timedelta(hours=hours()),
        )
        record(
            event="take_down.requested",
            actor=caller.actor,
            subject=about("output", record_id) if record_id else None,
            data={
                "request_id": str(row.pk),
                "output_id": str(record_id) if record_id else None,
                "reason": ground,
                "due_at": row.due_at.isoformat(),
            },
        )
        due = f"{row.due_at:%Y-%m-%d %H:%M} UTC"
        transaction.on_commit(
            lambda: tell_administrators("A request for take-down", f"It is due by {due}: /desk"), robust=True
        )
    return row


def decide_take_down(*, principal: Principal, request_id: UUID, granted: bool, note: str) -> TakeDown:
    """Grant or decline a request, once, and write to whoever asked. By an administrator of the installation.

    Raises NotFound ``request_not_found``; AssentError ``text_missing`` without a note.
    """
    rows = selectors.take_downs(principal)
    said = clean_text(note, field="note")
    with transaction.atomic():
        row = rows.select_for_update(of=("self",)).filter(pk=request_id, state=TakeDown.State.OPEN).first()
        if row is None:
            raise NotFound("request_not_found", "There is no such open request.")
        row.state = TakeDown.State.GRANTED if granted else TakeDown.State.DECLINED
        row.decided_by, row.decided_at, row.note = principal.user, timezone.now(), said
        row.save(update_fields=["state", "decided_by", "decided_at", "note"])
        stopped = granted and _take_effect(principal, row)
        record(
            event="take_down.decided",
            actor=principal.actor,
            subject=about("output", row.record_id) if row.record_id else None,
            data={
                "request_id": str(row.pk),
                "decision": str(row.state),
                "voice_status": "suspended" if stopped else None,
                "due_at": row.due_at.isoformat(),
            },
        )
        with override(row.language):
            send_on_commit(email=row.email, subject=_("Your request for take-down"), body=said)
    return row


def _take_effect(principal: Principal, row: TakeDown) -> bool:
    """Take the file down and halt its voice; whether the voice was active."""
    if row.record_id is None:
        return False
    mark = Mark.objects.select_related("consent").filter(public_id=row.record_id).first()
    if mark is None:
        return False
    if mark.state in (Mark.State.STREAMING, Mark.State.ISSUED):
        take_down(
            public_id=mark.public_id,
            actor=principal.actor,
            organisation_id=mark.organisation_id,
            reason="outsider_request",
        )
    voice_id = mark.consent.voice_id
    if row.ground in (TakeDown.Ground.MY_VOICE, TakeDown.Ground.FOR_SOMEBODY):
        keep_print(lock_voice(voice_id), kind=Protection.Kind.TAKEN_DOWN)
    return halt(actor=principal.actor, voice_id=voice_id)
