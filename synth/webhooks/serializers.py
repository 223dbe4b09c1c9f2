"""Shapes of webhooks in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from synth.webhooks.events import TYPES
from synth.webhooks.models import Delivery, Endpoint


class EndpointRequest(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=4000)
    events = serializers.ListField(child=serializers.CharField(max_length=32), max_length=len(TYPES) * 2)


class EndpointChange(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=4000, required=False)
    events = serializers.ListField(
        child=serializers.CharField(max_length=32), max_length=len(TYPES) * 2, required=False
    )
    enabled = serializers.BooleanField(required=False)


class EndpointShape(serializers.ModelSerializer[Endpoint]):
    events = serializers.ListField(child=serializers.ChoiceField(choices=TYPES))
    enabled = serializers.BooleanField(source="is_enabled")
    disabled = serializers.CharField(help_text="Why it is not: by_owner, failing or gone; else empty.")
    previous_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the secret before signs as well."
    )

    class Meta:
        model = Endpoint
        fields = (
            "id",
            "url",
            "events",
            "enabled",
            "disabled",
            "failing_since",
            "previous_until",
            "created_at",
        )


class NewSecretShape(EndpointShape):
    secret = serializers.CharField(help_text="whsec_ and base64. It is shown this once.")

    class Meta(EndpointShape.Meta):
        # The parent's tuple is shorter.
        fields = (*EndpointShape.Meta.fields, "secret")  # type: ignore[assignment]


class EndpointsShape(serializers.Serializer[Any]):
    data = EndpointShape(many=True)  # type: ignore[assignment]


class DeliveryShape(serializers.ModelSerializer[Delivery]):
    message_id = serializers.CharField(help_text="`webhook-id`, the same at every attempt and replay.")
    response_status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(help_text="Why the last attempt failed; empty where it did not.")

    class Meta:
        model = Delivery
        fields = (
            "id", "message_id", "type", "payload", "state", "attempts", "response_status", "error", "created_at",
            "last_attempt_at", "next_attempt_at", "delivered_at",
        )  # fmt: skip


class DeliveryPage(serializers.Serializer[Any]):
    # DRF's serializers have a property `data` of their own.
    data = DeliveryShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class SinceRequest(serializers.Serializer[Any]):
    since = serializers.DateTimeField()


class ReplayedShape(serializers.Serializer[Any]):
    replayed = serializers.IntegerField()
