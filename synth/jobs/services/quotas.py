"""Quotas: what an organisation and its keys may speak in a day, taken by each job, set by whoever answers for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.people.models import ApiKey, Organisation
from accounts.people.permissions import MEMBERS_MANAGE
from accounts.people.principals import Principal
from audit.services import record
from audit.subjects import about
from synth.errors import AssentError, NotFound, TooMany
from synth.jobs import usage
from synth.jobs.models import Quota, SynthesisJob
from synth.jobs.usage import KINDS, Standing, Use
from synth.text import cutting

MAX_LIMIT = 2**31 - 1
LEAST_MS = 1000
"""A job is never thought to be shorter."""


def estimated_ms(text: str, *, speed: float) -> int:
    """About how long ``text`` takes to say, by its characters: what a job takes of the minutes until it is released."""
    return max(LEAST_MS, round(1000 * cutting.seconds(text) / speed))


def take(job: SynthesisJob) -> None:
    """Inside the transaction that makes ``job``, before its row: raise TooMany ``quota_exceeded`` where a limit of its
    key or organisation does not hold it.

    The quotas' rows stay locked until the job's is committed, so of two requests at once the second counts the first.
    """
    taken = Use(jobs=1, characters=job.characters, ms=job.estimated_ms)
    quotas = usage.quotas_on(job.organisation, job.api_key).select_for_update(of=("self",))
    for standing in usage.standings(quotas):
        if standing.used + taken.of(standing.kind) > standing.limit:
            raise _exceeded(standing, taken.of(standing.kind))


def _exceeded(standing: Standing, asked: float) -> TooMany:
    renews = usage.renews_at()
    whose = "key" if standing.of == usage.KEY else "organisation"
    return TooMany(
        "quota_exceeded",
        f"This {whose} may speak {standing.limit} {standing.kind} a day (UTC), and what is left does not hold this "
        "request.",
        measured=_shown(standing.used),
        limit=standing.limit,
        retry_after_s=(renews - timezone.now()).total_seconds(),
        extra={
            "quota": standing.kind,
            "of": standing.of,
            "asked": _shown(asked),
            "left": _shown(standing.left),
            "renews_at": renews.isoformat(),
        },
    )


def _shown(amount: float) -> float:
    """Counts as whole numbers, minutes to two places."""
    rounded = round(amount, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def set_key_limits(*, principal: Principal, key_id: UUID, **limits: int | None) -> Quota | None:
    """Set what one key of the organisation may speak in a day; by its owner, in person.

    ``limits``: minutes, characters, jobs; None is no limit. The row, or None where no limit is left. Raises NotFound
    ``api_key_not_found``; Forbidden ``scope_missing``, ``person_required``; AssentError ``quota_out_of_range``.
    """
    principal.require_person()
    principal.require(MEMBERS_MANAGE)
    key = ApiKey.objects.filter(pk=key_id, organisation=principal.organisation).first()
    if key is None:
        raise NotFound("api_key_not_found", "There is no such key.")
    return _set(principal, principal.organisation, key, limits)


def set_organisation_limits(
    *, principal: Principal, organisation_id: UUID, **limits: int | None
) -> Quota | None:
    """Set what an organisation may speak in a day; by an administrator of the installation.

    As `set_key_limits`. Raises NotFound ``organisation_not_found``, and for whoever is no administrator ``not_found``.
    """
    organisation = usage.organisations_for(principal).filter(pk=organisation_id).first()
    if organisation is None:
        raise NotFound("organisation_not_found", "There is no such organisation.")
    return _set(principal, organisation, None, limits)


def _set(
    principal: Principal, organisation: Organisation, key: ApiKey | None, limits: dict[str, int | None]
) -> Quota | None:
    wanted = {kind: _checked(kind, limits.get(kind)) for kind in KINDS}
    with transaction.atomic():
        # Serialises changes: of a first row there is nothing to lock.
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
        row = Quota.objects.select_for_update().filter(organisation=organisation, api_key=key).first()
        before = {kind: getattr(row, kind, None) for kind in KINDS}
        if before == wanted:
            return row
        about_what: dict[str, Any] = {"value": wanted, "previous_value": before}
        if key is not None:
            about_what["api_key_id"] = str(key.pk)
        record(
            event="quota.changed",
            actor=principal.actor,
            organisation_id=organisation.pk,
            subject=about("api_key", key.pk) if key else about("organisation", organisation.pk),
            data=about_what,
        )
        if any(limit is not None for limit in wanted.values()):
            made, _is_new = Quota.objects.update_or_create(
                organisation=organisation, api_key=key, defaults=wanted
            )
            return made
        if row is not None:
            row.delete()
        return None


def _checked(kind: str, limit: int | None) -> int | None:
    if limit is not None and not 0 <= limit <= MAX_LIMIT:
        raise AssentError(
            "quota_out_of_range",
            "A limit is a whole number from 0 on; without one there is no limit.",
            measured=limit,
            limit=[0, MAX_LIMIT],
            extra={"param": kind},
        )
    return limit
