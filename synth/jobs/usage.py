"""What was spoken in a day, and what is left of its quotas. Counted from the jobs themselves, so that nothing drifts.

A job counts on the day (UTC) on which it was asked for. While it waits or runs it counts with the minutes that its text
is thought to take; once released, with those that it has. Of what failed or was cancelled nothing counts,
unless some of it was heard: then as a job with all its characters and the minutes that left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.people.models import ApiKey, Organisation
from accounts.people.permissions import SPEECH_READ
from accounts.people.principals import Principal
from accounts.voices.models import Voice
from synth.errors import NotFound
from synth.jobs.models import JobState, Quota, SynthesisJob, SynthesisPiece

DAYS = 30
"""So many days the reports go back, today among them."""
KINDS = ("jobs", "characters", "minutes")
ORGANISATION, KEY = "organisation", "key"


@dataclass(frozen=True)
class Use:
    """How much was spoken, in the units of `Quota`; minutes to the millisecond."""

    jobs: int = 0
    characters: int = 0
    ms: int = 0

    @property
    def minutes(self) -> float:
        return self.ms / 60_000

    def __add__(self, other: Use) -> Use:
        return Use(self.jobs + other.jobs, self.characters + other.characters, self.ms + other.ms)

    def of(self, kind: str) -> float:
        return float(getattr(self, kind))


@dataclass(frozen=True)
class Standing:
    """One limit of today: whose (`ORGANISATION` or `KEY`), of which of `KINDS`, how much of it is used and left."""

    of: str
    kind: str
    limit: int
    used: float
    key: ApiKey | None = None

    @property
    def left(self) -> float:
        return max(0.0, self.limit - self.used)

    @property
    def share(self) -> float:
        """Used part of the limit, 0 to 1."""
        return min(1.0, self.used / self.limit) if self.limit else 1.0


@dataclass(frozen=True)
class Row:
    """What one key used in one voice for one purpose on one day."""

    day: date
    key: Any
    voice: Any
    purpose: str
    use: Use


def renews_at(now: datetime | None = None) -> datetime:
    """The next midnight (UTC), when every quota begins anew."""
    moment = (now or timezone.now()).astimezone(UTC)
    return datetime.combine(moment.date() + timedelta(days=1), time(), UTC)


def used_today(organisation: Organisation, api_key: ApiKey | None = None) -> Use:
    """What the organisation, or one key of it, has used since midnight; without an access check."""
    jobs = _since(organisation, renews_at() - timedelta(days=1))
    if api_key is not None:
        jobs = jobs.filter(api_key=api_key)
    return _use(jobs.aggregate(**_SUMS))


def quotas_on(organisation: Organisation, api_key: ApiKey | None) -> QuerySet[Quota]:
    """The rows that bound a caller: their key's, where they have one, and the organisation's, in one order."""
    mine = Q(api_key=None) | Q(api_key=api_key) if api_key else Q(api_key=None)
    rows = Quota.objects.select_related("organisation", "api_key")
    return rows.filter(mine, organisation=organisation).order_by("pk")


def standings(quotas: Iterable[Quota]) -> list[Standing]:
    """Every limit of these rows as it stands now."""
    found = []
    for quota in quotas:
        used = used_today(quota.organisation, quota.api_key)
        for kind in KINDS:
            limit = getattr(quota, kind)
            if limit is not None:
                of = KEY if quota.api_key_id else ORGANISATION
                found.append(Standing(of, kind, limit, used.of(kind), quota.api_key))
    return found


def standings_for(principal: Principal) -> list[Standing]:
    """What bounds this caller. Whoever may speak or read may know what is left to them."""
    return standings(quotas_on(principal.organisation, principal.api_key))


def rows_for(principal: Principal) -> list[Row]:
    """What the caller's organisation used in the last `DAYS` days, by day, key, voice and purpose."""
    principal.require(SPEECH_READ)
    begins = renews_at() - timedelta(days=DAYS)
    counted: Iterable[Any] = (
        _since(principal.organisation, begins)
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values("day", "api_key_id", "voice_id", "purpose")
        .annotate(**_SUMS)
        .order_by("day")
    )
    return [Row(row["day"], row["api_key_id"], row["voice_id"], row["purpose"], _use(row)) for row in counted]


def names_for(rows: Iterable[Row]) -> tuple[dict[Any, ApiKey], dict[Any, Voice]]:
    """The keys and voices that rows speak of, by id."""
    keys, voices = {row.key for row in rows}, {row.voice for row in rows}
    return ApiKey.objects.in_bulk(keys - {None}), Voice.objects.in_bulk(voices)


def summed(rows: Iterable[Row], by: Callable[[Row], Any]) -> Mapping[Any, Use]:
    """Use by what ``by`` says of a row, the longest first."""
    sums: dict[Any, Use] = defaultdict(Use)
    for row in rows:
        sums[by(row)] += row.use
    return dict(sorted(sums.items(), key=lambda item: -item[1].ms))


def organisations_for(principal: Principal) -> QuerySet[Organisation]:
    """Every organisation of the installation, for its administrators alone."""
    principal.require_person()
    if not principal.user.is_staff:
        raise NotFound("not_found", "There is nothing at this address.")
    return Organisation.objects.order_by("name", "id")


def _since(organisation: Organisation, moment: datetime) -> QuerySet[SynthesisJob]:
    """Jobs that count, from ``moment`` on, with the milliseconds (``ms``) for which they do."""
    heard = SynthesisPiece.objects.filter(job=OuterRef("pk")).order_by("-index").values("end_ms")[:1]
    return (
        SynthesisJob.objects.filter(organisation=organisation, created_at__gte=moment)
        .annotate(
            ms=Case(
                When(state=JobState.RELEASED, then=F("output__duration_ms")),
                When(state__in=_ENDED_EARLY, then=Subquery(heard)),
                default=F("estimated_ms"),
                output_field=IntegerField(),
            )
        )
        .exclude(state__in=_ENDED_EARLY, ms=None)
    )


_ENDED_EARLY = (JobState.FAILED, JobState.CANCELLED)
"""They count for what was heard of them, and for nothing where nothing was."""
_SUMS = {
    "count_": Count("pk"),
    "characters_": Sum("characters", default=Value(0)),
    "ms_": Sum("ms", default=Value(0)),
}


def _use(row: Mapping[str, int]) -> Use:
    return Use(row["count_"], row["characters_"], row["ms_"])
