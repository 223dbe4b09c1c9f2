"""Shapes of people, keys and organisations in the API. They bound and name; every rule is the services'."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.people.models import ApiKey, Invitation, Membership
from accounts.people.permissions import SCOPES, Role
from accounts.people.services.keys import DEFAULT_KEY_DAYS, MAX_KEY_DAYS


class KeyRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(SCOPES)), max_length=len(SCOPES) * 2
    )
    days = serializers.IntegerField(min_value=1, max_value=MAX_KEY_DAYS, default=DEFAULT_KEY_DAYS)


class KeyShape(serializers.ModelSerializer[ApiKey]):
    created_by = serializers.UUIDField(source="created_by_id")
    scopes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "name",
            "prefix",
            "scopes",
            "created_by",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )


class NewKeyShape(KeyShape):
    key = serializers.CharField(help_text="The key itself. It is shown this once.")

    class Meta(KeyShape.Meta):
        # The parent's tuple is shorter.
        fields = (*KeyShape.Meta.fields, "key")  # type: ignore[assignment]


class KeyPage(serializers.Serializer[Any]):
    # DRF's serializers have a property `data` of their own.
    data = KeyShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class OrganisationShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    role = serializers.CharField(help_text="The caller's role in it.")


class OrganisationRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)


class MemberShape(serializers.ModelSerializer[Membership]):
    user = serializers.UUIDField(source="user_id")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")

    class Meta:
        model = Membership
        fields = ("id", "user", "email", "name", "role", "created_at")


class MemberPage(serializers.Serializer[Any]):
    # DRF's serializers have a property `data` of their own.
    data = MemberShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class RoleRequest(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.values)


class InvitationRequest(RoleRequest):
    email = serializers.EmailField(max_length=254)


class InvitationShape(serializers.ModelSerializer[Invitation]):
    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "created_at", "expires_at")


class InvitationPage(serializers.Serializer[Any]):
    # DRF's serializers have a property `data` of their own.
    data = InvitationShape(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
