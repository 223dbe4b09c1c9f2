"""The API of an organisation's rules of heard notices."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import principal_for
from synth.common.api import parsed, refusals
from synth.jobs import selectors, services
from synth.jobs import serializers as shapes


class NoticeRulesView(APIView):
    @extend_schema(operation_id="notice_rule_list", responses={200: shapes.NoticeRulesShape, **refusals()})
    def get(self, request: Request) -> Response:
        """The organisation's rules of heard notices."""
        rules = selectors.notice_rules(principal_for(request))
        return Response({"data": shapes.NoticeRuleShape(rules, many=True).data})

    @extend_schema(
        operation_id="notice_rule_set",
        request=shapes.NoticeRuleRequest,
        responses={200: shapes.NoticeRuleShape, **refusals()},
    )
    def put(self, request: Request) -> Response:
        """Set the rule for a voice, a purpose, both or all. By an owner in person: no key may."""
        given = parsed(shapes.NoticeRuleRequest, request.data)
        rule = services.set_rule(principal=principal_for(request), **given)
        return Response(shapes.NoticeRuleShape(rule).data)


class NoticeRuleView(APIView):
    @extend_schema(operation_id="notice_rule_remove", responses={204: None, **refusals()})
    def delete(self, request: Request, rule_id: UUID) -> Response:
        """Remove a rule; the next wider one holds from then on."""
        services.remove_rule(principal=principal_for(request), rule_id=rule_id)
        return Response(status=204)
