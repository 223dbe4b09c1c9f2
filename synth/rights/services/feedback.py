"""Feedback on verdicts: given by anybody, answered by the operator."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.people import texts
from accounts.people.principals import Principal
from audit.services import record
from synth.common import ratelimit
from synth.errors import AssentError, NotFound
from synth.rights import selectors
from synth.rights.models import Feedback
from synth.rights.services.letters import clean_text, send_on_commit
from watermark.callers import Caller
from watermark.models import Verification

RATE = "10/hour"


def give_feedback(
    *,
    caller: Caller,
    kind: str,
    text: str = "",
    email: str = "",
    verification: UUID | None = None,
    language: str = "en",
) -> Feedback:
    """Keep what somebody says of a verdict, or of the service where they name none.

    Raises AssentError ``feedback_kind_unknown``, ``email_invalid`` and what `letters.clean_text` refuses; TooMany
    ``rate_limited``.
    """
    ratelimit.check(action="feedback", subject=caller.subject, rate=RATE)
    if kind not in Feedback.Kind.values:
        raise AssentError(
            "feedback_kind_unknown",
            "Say what it is about.",
            limit=Feedback.Kind.values,
            extra={"param": "kind"},
        )
    asked = Verification.objects.filter(pk=verification).first() if verification else None
    with transaction.atomic():
        row = Feedback.objects.create(
            verification_id=asked.pk if asked else None,
            verdict=str((asked.report or {}).get("verdict", "")) if asked else "",
            kind=kind,
            text=clean_text(text, field="text", required=kind in ("wrong", "other")),
            email=texts.clean_email(email, required=False),
            language=language,
        )
        record(
            event="feedback.received",
            actor=caller.actor,
            data={"feedback_id": str(row.pk), "kind": kind, "verdict": row.verdict},
        )
    return row


def answer_feedback(*, principal: Principal, feedback_id: UUID, answer: str) -> Feedback:
    """Answer, once; by mail where an address was left. Raises NotFound ``feedback_not_found``, AssentError."""
    rows = selectors.feedback(principal)
    said = clean_text(answer, field="answer")
    with transaction.atomic():
        row = rows.select_for_update(of=("self",)).filter(pk=feedback_id, answered_at__isnull=True).first()
        if row is None:
            raise NotFound("feedback_not_found", "There is no such open feedback.")
        row.answer, row.answered_by, row.answered_at = said, principal.user, timezone.now()
        row.save(update_fields=["answer", "answered_by", "answered_at"])
        record(event="feedback.answered", actor=principal.actor, data={"feedback_id": str(row.pk)})
        with override(row.language):
            send_on_commit(email=row.email, subject=_("Your feedback on a verification"), body=said)
    return row
