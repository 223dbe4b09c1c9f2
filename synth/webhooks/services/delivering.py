"""Sending what is due, and what follows from the answers: done, again later, given up, an endpoint switched off.

A delivery is sent at least once: taken by pushing on when it is due, sent without a transaction, settled afterwards.
One that was lost with its worker in between comes due again by itself.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.people.models import Membership
from accounts.people.permissions import Role
from audit.actors import SYSTEM
from audit.services import record
from audit.subjects import about
from synth.webhooks import events, selectors, sending, signing
from synth.webhooks.models import Delivery, Endpoint
from synth.webhooks.sealing import SecretLost, is_readable, unseal
from synth.webhooks.sending import Outcome
from synth.webhooks.services.endpoints import give_up_waiting

logger = logging.getLogger(__name__)
MAIL_LANGUAGES = ("en", "zh-hans")
AFTER = tuple(
    timedelta(**wait)
    for wait in (
        {"seconds": 5}, {"minutes": 5}, {"minutes": 30}, {"hours": 2}, {"hours": 5}, {"hours": 10},
        {"hours": 14}, {"hours": 20}, {"hours": 24},
    )
)  # fmt: skip
"""How long after each failed attempt the next one is, as Standard Webhooks 1.0.0 has it: ten attempts in three days."""
JITTER = 0.1
MAX_WAIT = timedelta(hours=24)
"""An endpoint that asks for more time (``Retry-After``) gets so much at most."""
LEASE = timedelta(minutes=2)
"""Longer than an attempt takes with the lookup of the name."""
SWITCHED_OFF_AFTER = timedelta(days=3)
"""Of failures without one success between them."""
AT_ONCE = 8
FOR_S = 20.0
_sending = threading.Lock()


def deliver_due() -> int:
    """Send what is due, until nothing is or its time is over; returns how many attempts were made.

    One at a time in a process, so that slow endpoints hold one thread of its worker and no more; the clock calls again.
    """
    if not _sending.acquire(blocking=False):
        return 0
    try:
        ends_at, count = time.monotonic() + FOR_S, 0
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
            flying: dict[Future[Outcome], Delivery] = {}
            while True:
                # As soon as one has landed the next leaves: a slow endpoint holds up itself alone.
                if time.monotonic() < ends_at:
                    busy = [row.endpoint_id for row in flying.values()]
                    for row in _take(AT_ONCE - len(flying), busy):
                        flying[pool.submit(_attempt, row)] = row
                if not flying:
                    break
                for ended in wait(flying, return_when=FIRST_COMPLETED).done:
                    _settle(flying.pop(ended), ended.result())
                    count += 1
        return count
    finally:
        _sending.release()


def _take(room: int, busy: Collection[Any]) -> list[Delivery]:
    """At most ``room`` due deliveries, of each endpoint that is not ``busy`` one, for this process alone while the
    lease holds."""
    now = timezone.now()
    with transaction.atomic():
        # Of each endpoint the one that waits longest: a hundred for one do not hold up those of others.
        others = selectors.due(now).exclude(endpoint__in=busy)
        firsts = others.order_by("endpoint", "next_attempt_at", "id").distinct("endpoint")
        chosen = selectors.due(now).filter(pk__in=firsts.values("pk")).select_related("endpoint")
        rows = list(chosen.select_for_update(of=("self",), skip_locked=True)[:room])
        Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(next_attempt_at=now + LEASE)
    return rows


def _attempt(row: Delivery) -> Outcome:
    """One request; reads what came with the row and touches no database."""
    endpoint, body = row.endpoint, row.payload.encode()
    try:
        current, *before = _secrets(endpoint)
        secrets = [unseal(current), *(unseal(sealed) for sealed in before if is_readable(sealed))]
    except SecretLost:
        return Outcome(error="secret_lost")
    headers = signing.headers(*secrets, message_id=row.message_id, timestamp_s=int(time.time()), body=body)
    headers |= {"Content-Type": "application/json", "User-Agent": "Assent-Webhooks/1"}
    return sending.post(endpoint.url, body=body, headers=headers, anywhere=settings.ASSENT_WEBHOOKS_ANYWHERE)


def _secrets(endpoint: Endpoint) -> list[str]:
    overlaps = endpoint.previous_until is not None and endpoint.previous_until > timezone.now()
    return [endpoint.secret, endpoint.previous_secret] if overlaps else [endpoint.secret]


def _settle(row: Delivery, outcome: Outcome) -> None:
    now = timezone.now()
    with transaction.atomic():
        # As everywhere: the endpoint before its deliveries. Gone with its endpoint, there is nothing to settle.
        endpoint = Endpoint.objects.select_for_update(no_key=True).filter(pk=row.endpoint_id).first()
        mine = Delivery.objects.filter(pk=row.pk, state=Delivery.State.PENDING)
        if endpoint is None or not mine.exists():
            return
        attempts = row.attempts + 1
        facts = {
            "attempts": attempts,
            "last_attempt_at": now,
            "response_status": outcome.status,
            "error": outcome.error,
        }
        if outcome.is_success:
            mine.update(**facts, state=Delivery.State.DELIVERED, delivered_at=now)
            Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=None)
            return
        last = row.type == events.TEST or attempts > len(AFTER)
        if last:
            mine.update(**facts, state=Delivery.State.DEAD)
        else:
            mine.update(**facts, next_attempt_at=next_attempt(attempts, outcome.retry_after_s, now))
        if row.type != events.TEST or outcome.error == "gone":
            _failed(endpoint, outcome, now)


def next_attempt(attempts: int, retry_after_s: float, now: datetime) -> datetime:
    """When the next one is after ``attempts`` failed ones (1 to 9): by `AFTER` with some jitter, or as asked."""
    wait = AFTER[attempts - 1] * (1 + random.uniform(0, JITTER))  # noqa: S311 - no secret
    return now + max(wait, min(timedelta(seconds=retry_after_s), MAX_WAIT))


def _failed(endpoint: Endpoint, outcome: Outcome, now: datetime) -> None:
    """Note a failure of a locked endpoint; switch it off where it is gone or has failed for long."""
    since = endpoint.failing_since or now
    gone = outcome.error == "gone"
    if not gone and now - since < SWITCHED_OFF_AFTER:
        Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=since)
        return
    reason = Endpoint.Disabled.GONE if gone else Endpoint.Disabled.FAILING
    Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=since, disabled=reason)
    give_up_waiting(endpoint)
    record(
        event="webhook.disabled",
        actor=SYSTEM,
        organisation_id=endpoint.organisation_id,
        subject=about("webhook", endpoint.pk),
        data={"endpoint_id": str(endpoint.pk), "reason": str(reason)},
    )
    owners = Membership.objects.filter(
        organisation=endpoint.organisation_id, role=Role.OWNER, user__is_active=True
    )
    addresses = list(owners.values_list("user__email", flat=True))
    transaction.on_commit(lambda: _tell(addresses, endpoint), robust=True)


def _tell(addresses: Iterable[str], endpoint: Endpoint) -> None:
    """A letter in every language of the portal: which one its readers speak is not known here."""
    words = {"url": endpoint.url, "page": f"{settings.ASSENT_BASE_URL}/webhooks/{endpoint.pk}"}
    subjects, parts = [], []
    for language in MAIL_LANGUAGES:
        with translation.override(language):
            subjects.append(_("A webhook was switched off"))
            parts.append(
                _(
                    "This address did not take what it was sent, and is told nothing any more:\n%(url)s\n\n"
                    "What was given up can be sent again once it is switched on:\n%(page)s\n"
                )
                % words
            )
    for address in addresses:
        send_mail(" / ".join(subjects), "\n".join(parts), None, [address])
