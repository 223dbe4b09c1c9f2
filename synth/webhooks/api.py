"""The API of webhooks: endpoints, their secrets and deliveries, tests and replays."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.principals import principal_for
from synth.common.api import PageQuery, listed, parsed, refusals
from synth.webhooks import selectors, services
from synth.webhooks import serializers as shapes


class EndpointsView(APIView):
    @extend_schema(operation_id="webhook_list", responses={200: shapes.EndpointsShape, **refusals()})
    def get(self, request: Request) -> Response:
        """The organisation's endpoints."""
        rows = selectors.endpoints_for(principal_for(request))
        return Response({"data": shapes.EndpointShape(rows, many=True).data})

    @extend_schema(
        operation_id="webhook_create",
        request=shapes.EndpointRequest,
        responses={201: shapes.NewSecretShape, **refusals()},
    )
    def post(self, request: Request) -> Response:
        """Add an address. The answer holds its secret once. By a person: no key may."""
        given = parsed(shapes.EndpointRequest, request.data)
        row, secret = services.create_endpoint(principal=principal_for(request), **given)
        return Response({**shapes.EndpointShape(row).data, "secret": secret}, status=status.HTTP_201_CREATED)


class EndpointView(APIView):
    @extend_schema(operation_id="webhook", responses={200: shapes.EndpointShape, **refusals()})
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """One endpoint: what it is told, and whether it answers."""
        return Response(
            shapes.EndpointShape(selectors.endpoint_for(principal_for(request), endpoint_id)).data
        )

    @extend_schema(
        operation_id="webhook_change",
        request=shapes.EndpointChange,
        responses={200: shapes.EndpointShape, **refusals()},
    )
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """Change the address or the events, or switch it off and on. By a person."""
        given = parsed(shapes.EndpointChange, request.data)
        row = services.update_endpoint(principal=principal_for(request), endpoint_id=endpoint_id, **given)
        return Response(shapes.EndpointShape(row).data)

    @extend_schema(operation_id="webhook_delete", responses={204: None, **refusals()})
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Delete an endpoint, with what waits to be sent to it."""
        services.delete_endpoint(principal=principal_for(request), endpoint_id=endpoint_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SecretView(APIView):
    @extend_schema(
        operation_id="webhook_rotate", request=None, responses={200: shapes.NewSecretShape, **refusals()}
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """A new secret; the one before signs as well for a day. By a person."""
        row, secret = services.rotate_secret(principal=principal_for(request), endpoint_id=endpoint_id)
        return Response({**shapes.EndpointShape(row).data, "secret": secret})


class TestView(APIView):
    @extend_schema(
        operation_id="webhook_test", request=None, responses={202: shapes.DeliveryShape, **refusals(409)}
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Send a `webhook.test`; what becomes of it stands among the deliveries."""
        row = services.send_test(principal=principal_for(request), endpoint_id=endpoint_id)
        return Response(shapes.DeliveryShape(row).data, status=status.HTTP_202_ACCEPTED)


class DeliveriesView(APIView):
    @extend_schema(
        operation_id="webhook_deliveries",
        parameters=[PageQuery],
        responses={200: shapes.DeliveryPage, **refusals()},
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """What was sent to an endpoint, and what waits, the newest first."""
        rows = selectors.deliveries_for(principal_for(request), endpoint_id)
        return listed(request, rows, shapes.DeliveryShape)


class ReplayView(APIView):
    @extend_schema(
        operation_id="webhook_replay", request=None, responses={202: shapes.DeliveryShape, **refusals(409)}
    )
    def post(self, request: Request, endpoint_id: UUID, delivery_id: UUID) -> Response:
        """Send one delivery again, with the same id and body."""
        row = services.replay(
            principal=principal_for(request), endpoint_id=endpoint_id, delivery_id=delivery_id
        )
        return Response(shapes.DeliveryShape(row).data, status=status.HTTP_202_ACCEPTED)


class ReplaySinceView(APIView):
    @extend_schema(
        operation_id="webhook_replay_since",
        request=shapes.SinceRequest,
        responses={202: shapes.ReplayedShape, **refusals(409)},
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Send again what was given up since a time, at most a thousand deliveries, the oldest first."""
        given = parsed(shapes.SinceRequest, request.data)
        count = services.replay_since(principal=principal_for(request), endpoint_id=endpoint_id, **given)
        return Response({"replayed": count}, status=status.HTTP_202_ACCEPTED)
