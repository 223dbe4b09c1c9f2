"""What the clock does for recordings: send again what a queue or a worker lost, and settle what is lost too often."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.consent.models import Submission
from accounts.consent.services import checks
from accounts.consent.services.decisions import apply_consent_gates
from accounts.consent.services.styles import apply_style_gates
from accounts.voices.models import Style
from accounts.voices.states import CheckState
from synth.common.queue import send
from synth.errors import AssentError


def requeue_lost() -> int:
    """Send again what the queue or a worker lost. A recording that lost three workers is rejected."""
    now = timezone.now()
    sent = 0
    for kind, task in checks.TASKS.items():
        lost = Q(state=CheckState.CHECKING, heartbeat__lt=now - checks.LOST_AFTER)
        for pk, claims in kind.objects.filter(lost).values_list("pk", "claims"):
            if claims >= checks.MAX_CLAIMS:
                _give_up(kind, pk)
            else:
                kind.objects.filter(lost, pk=pk).update(
                    state=CheckState.QUEUED, heartbeat=now - checks.RESEND_AFTER
                )
        stale = Q(heartbeat__isnull=True, created_at__lt=now - checks.RESEND_AFTER) | Q(
            heartbeat__lte=now - checks.RESEND_AFTER
        )
        for pk in kind.objects.filter(stale, state=CheckState.QUEUED).values_list("pk", flat=True):
            # The heartbeat of a waiting row is the time it was last sent.
            if kind.objects.filter(stale, pk=pk, state=CheckState.QUEUED).update(heartbeat=now):
                send(task, pk)
                sent += 1
    return sent


def _give_up(kind: type[Submission] | type[Style], pk: UUID) -> None:
    """Decide it as any other report would, with its entry in the log."""
    lost = AssentError(
        "check_failed",
        "The check of this recording did not finish. Please record again.",
        measured=checks.MAX_CLAIMS,
        limit=checks.MAX_CLAIMS,
    )
    result = checks.result_of_refusal(lost, gate="check")
    if kind is Submission:
        apply_consent_gates(submission_id=pk, result=result)
    else:
        apply_style_gates(style_id=pk, result=result)
