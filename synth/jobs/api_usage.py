"""The API of use and quotas: what was spoken, what is left, and the limits of keys and organisations."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import Principal, principal_for
from synth.common.api import parsed, refusals
from synth.jobs import services, usage
from synth.jobs.models import Quota

_DAY_S = 86_400


class LimitsShape(serializers.Serializer[Any]):
    """What may be spoken in a day (UTC); null is no limit. What is not named is lifted."""

    minutes = serializers.IntegerField(required=False, allow_null=True, default=None)
    characters = serializers.IntegerField(required=False, allow_null=True, default=None)
    jobs = serializers.IntegerField(required=False, allow_null=True, default=None)


class StandingShape(serializers.Serializer[Any]):
    of = serializers.ChoiceField(choices=[usage.ORGANISATION, usage.KEY])
    key_id = serializers.UUIDField(allow_null=True)
    quota = serializers.ChoiceField(choices=usage.KINDS)
    limit = serializers.IntegerField()
    used = serializers.FloatField()
    left = serializers.FloatField()


class UseShape(serializers.Serializer[Any]):
    jobs = serializers.IntegerField()
    characters = serializers.IntegerField()
    minutes = serializers.FloatField()


class NamedUseShape(UseShape):
    id = serializers.UUIDField(allow_null=True, help_text="Null for what people made at the portal.")
    name = serializers.CharField()


class PurposeUseShape(UseShape):
    purpose = serializers.CharField()


class DayUseShape(UseShape):
    day = serializers.DateField()


class PeriodShape(serializers.Serializer[Any]):
    total = UseShape()
    by_key = NamedUseShape(many=True)
    by_voice = NamedUseShape(many=True)
    by_purpose = PurposeUseShape(many=True)


class PeriodOfDaysShape(PeriodShape):
    by_day = DayUseShape(many=True)


class UsageShape(serializers.Serializer[Any]):
    renews_at = serializers.DateTimeField(help_text="When every quota begins anew.")
    quotas = StandingShape(many=True, help_text="Limits that bound this caller; empty where there are none.")
    today = PeriodShape()
    last_30_days = PeriodOfDaysShape(help_text="Today among them.")


class UsageView(APIView):
    @extend_schema(operation_id="usage", responses={200: UsageShape, **refusals()})
    def get(self, request: Request) -> Response:
        """What the organisation spoke today and in the last 30 days, and what is left to the caller."""
        principal = principal_for(request)
        rows = usage.rows_for(principal)
        names = usage.names_for(rows)
        renews = usage.renews_at()
        today = [row for row in rows if row.day == timezone.now().date()]
        days = [
            {"day": day.isoformat(), **_used(use)}
            for day, use in sorted(usage.summed(rows, lambda row: row.day).items())
        ]
        return Response(
            {
                "renews_at": renews.isoformat(),
                "quotas": [_standing(one) for one in usage.standings_for(principal)],
                "today": _period(today, names),
                "last_30_days": {**_period(rows, names), "by_day": days},
            }
        )


class KeyLimitsView(APIView):
    @extend_schema(
        operation_id="key_limits_set", request=LimitsShape, responses={200: LimitsShape, **refusals()}
    )
    def put(self, request: Request, key_id: UUID) -> Response:
        """What a key may speak in a day. By an owner in person: no key may."""
        given = parsed(LimitsShape, request.data)
        row = services.set_key_limits(principal=principal_for(request), key_id=key_id, **given)
        return Response(_limits(row))


class OrganisationLimitsView(APIView):
    @extend_schema(
        operation_id="organisation_limits_set",
        request=LimitsShape,
        responses={200: LimitsShape, **refusals()},
    )
    def put(self, request: Request, organisation_id: UUID) -> Response:
        """What an organisation may speak in a day. By an administrator of the installation in person."""
        given = parsed(LimitsShape, request.data)
        row = services.set_organisation_limits(
            principal=principal_for(request), organisation_id=organisation_id, **given
        )
        return Response(_limits(row))


def quota_headers(principal: Principal) -> dict[str, str]:
    """What is left to the caller, for the answer to a request that took some of it; empty where nothing is limited.

    Fields ``RateLimit-Policy`` and ``RateLimit`` as draft-ietf-httpapi-ratelimit-headers-10 has them: ``q`` the limit,
    ``w`` its window in seconds, ``r`` whole units left, ``t`` seconds until it begins anew.
    """
    standings = usage.standings_for(principal)
    if not standings:
        return {}
    wait_s = math.ceil((usage.renews_at() - timezone.now()).total_seconds())
    return {
        "RateLimit-Policy": ", ".join(f'"{_name(one)}";q={one.limit};w={_DAY_S}' for one in standings),
        "RateLimit": ", ".join(f'"{_name(one)}";r={int(one.left)};t={wait_s}' for one in standings),
    }


def _name(standing: usage.Standing) -> str:
    return f"{standing.of}-{standing.kind}"


def _standing(one: usage.Standing) -> dict[str, Any]:
    return {
        "of": one.of,
        "key_id": str(one.key.pk) if one.key else None,
        "quota": one.kind,
        "limit": one.limit,
        "used": round(one.used, 2),
        "left": round(one.left, 2),
    }


def _period(rows: list[usage.Row], names: tuple[dict[Any, Any], dict[Any, Any]]) -> dict[str, Any]:
    keys, voices = names
    return {
        "total": _used(sum((row.use for row in rows), usage.Use())),
        "by_key": _named(usage.summed(rows, lambda row: row.key).items(), keys),
        "by_voice": _named(usage.summed(rows, lambda row: row.voice).items(), voices),
        "by_purpose": [
            {"purpose": purpose, **_used(use)}
            for purpose, use in usage.summed(rows, lambda row: row.purpose).items()
        ],
    }


def _named(sums: Iterable[tuple[Any, usage.Use]], names: dict[Any, Any]) -> list[dict[str, Any]]:
    return [
        {"id": str(pk) if pk else None, "name": names[pk].name if pk else "portal", **_used(use)}
        for pk, use in sums
    ]


def _used(use: usage.Use) -> dict[str, Any]:
    return {"jobs": use.jobs, "characters": use.characters, "minutes": round(use.minutes, 2)}


def _limits(row: Quota | None) -> dict[str, int | None]:
    return {kind: getattr(row, kind, None) for kind in usage.KINDS}
