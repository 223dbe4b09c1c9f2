"""A person's own data: a copy of all of it; the end of the account, with everything that names or sounds like them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import BinaryField, F, Func, IntegerField, Model, Q, Value
from django.utils import timezone

from accounts.consent.models import Challenge, Concern, Consent, OwnerLink, Submission
from accounts.consent.services import erase_voice
from accounts.people.models import ApiKey, Invitation, Membership, OutboundMail, User
from accounts.people.permissions import Role
from accounts.people.principals import Principal, principal_of
from accounts.people.services.keys import end_keys
from accounts.voices.models import Clip, Protection, Style, Voice
from audit.models import Entry
from audit.services import record
from audit.subjects import about
from synth.errors import AssentError, Conflict
from synth.jobs.models import SynthesisJob
from synth.projects.models import Line
from synth.rights.models import BiometricAcknowledgement, Feedback, TakeDown

FORMAT = "assent-personal-data-1"
_NEVER = frozenset({"password", "hash", "token_hash", "text_salt"})  # secrets, not data about a person
_BULKY = frozenset({"speaker_embedding", "fingerprint"})  # said to be there, in hexadecimal


def copy_of(*, principal: Principal) -> bytes:
    """All that is held about a person, as a ZIP of data.json and the recordings of their voices.

    By the person alone, and logged. What names others only (members of the same organisation, say) is not in it.
    """
    principal.require_person()
    user = principal.user
    buffer = io.BytesIO()
    with transaction.atomic():
        held = _held(user)
        clips = Clip.objects.filter(voice__owner=user).exclude(file="")
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(
                "data.json", json.dumps(held, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
            )
            for clip in clips:
                name = clip.file.name or ""
                if default_storage.exists(name):
                    with default_storage.open(name, "rb") as file:
                        archive.writestr(f"recordings/{clip.pk}", file.read())
        record(
            event="account.exported",
            actor=principal.actor,
            subject=about("user", user.pk),
            data={"user_id": str(user.pk), "bytes": buffer.tell()},
        )
    return buffer.getvalue()


def _held(user: User) -> dict[str, Any]:
    """By table, the rows about a person."""
    mine = Q(voice__owner=user)
    said = Entry.objects.alias(at=_place_of(str(user.pk))).filter(at__gt=0)
    return {
        "format": FORMAT,
        "made_at": timezone.now(),
        "account": _row(user),
        "addresses": _rows(EmailAddress.objects.filter(user=user)),
        "second_factors": list(
            Authenticator.objects.filter(user=user).values("type", "created_at", "last_used_at")
        ),
        "sessions": list(
            UserSession.objects.filter(user=user).values("ip", "user_agent", "created_at", "last_seen_at")
        ),
        "memberships": _rows(Membership.objects.filter(user=user)),
        "invitations": _rows(Invitation.objects.filter(Q(email__iexact=user.email) | Q(invited_by=user))),
        "api_keys": _rows(ApiKey.objects.filter(created_by=user)),
        "mail": _rows(OutboundMail.objects.filter(recipients__contains=[user.email])),
        "voices": _rows(Voice.objects.filter(owner=user)),
        "recordings": _rows(Clip.objects.filter(mine)),
        "styles": _rows(Style.objects.filter(mine)),
        "challenges": _rows(Challenge.objects.filter(mine)),
        "submissions": _rows(Submission.objects.filter(challenge__voice__owner=user)),
        "consents": _rows(Consent.objects.filter(mine)),
        # As the person was told of them; whose recordings these are, and what was found about their own, is not.
        "likenesses": list(
            Concern.objects.filter(mine, told_at__isnull=False).values(
                "id", "voice_id", "told_at", "answered_at", "objects_to_it", "objection"
            )
        ),
        "owner_links": _rows(OwnerLink.objects.filter(mine)),
        "protections": _rows(Protection.objects.filter(mine)),
        "jobs": _rows(SynthesisJob.objects.filter(Q(requested_by=user) | mine)),
        "project_lines": _rows(
            Line.objects.filter(Q(asked_by=user) | mine | Q(voice=None, project__voice__owner=user))
        ),
        "biometric_notices": _rows(BiometricAcknowledgement.objects.filter(user=user)),
        "feedback": _rows(Feedback.objects.filter(email__iexact=user.email)),
        "take_downs": _rows(TakeDown.objects.filter(email__iexact=user.email)),
        "log_entries": [entry.content for entry in said.order_by("id")],
    }


def _place_of(text: str) -> Func:
    """Where a text stands in an entry's body; 0 where it does not. Entries name people by their number only."""
    return Func(
        Value(text.encode(), output_field=BinaryField()),
        F("body"),
        function="POSITION",
        arg_joiner=" IN ",
        output_field=IntegerField(),
    )


def _rows(rows: Iterable[Model]) -> list[dict[str, Any]]:
    return [_row(row) for row in rows]


def _row(row: Model) -> dict[str, Any]:
    kept = {}
    for field in row._meta.concrete_fields:
        if field.name in _NEVER:
            continue
        value = getattr(row, field.attname)
        if field.name in _BULKY or isinstance(value, bytes | memoryview):
            value = bytes(value).hex() if value is not None else None
        elif field.get_internal_type() == "FileField":
            value = str(value)
        kept[field.name] = value
    return kept


def close_account(*, principal: Principal, email: str) -> None:
    """Close the caller's own account for good: its voices erased, keys ended, memberships over, the person's data gone.

    ``email`` repeats the address, so that nobody does it by mistake. What stays: the log, signed receipts (they hold
    the statement), rows that others need, under a number. Raises AssentError ``email_differs``; Conflict ``last_owner``
    where an organisation with other members would lose its only owner.
    """
    principal.require_person()
    if email.strip().lower() != principal.user.email.lower():
        raise AssentError("email_differs", "Repeat the address of this account.", extra={"param": "email"})
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=principal.user.pk)
        memberships = list(
            Membership.objects.select_related("organisation", "user")
            .filter(user=user)
            .order_by("organisation_id")
        )
        _refuse_to_leave_alone(memberships)
        voices = list(Voice.objects.filter(owner=user, erased_at=None).values_list("pk", flat=True))
        for voice_id in voices:
            erase_voice(principal=principal, voice_id=voice_id)
        _leave(principal, memberships)
        _forget(user)
        record(
            event="account.closed",
            actor=principal.actor,
            subject=about("user", user.pk),
            data={"user_id": str(user.pk), "count": len(voices)},
        )


def _refuse_to_leave_alone(memberships: list[Membership]) -> None:
    for membership in memberships:
        others = Membership.objects.filter(organisation=membership.organisation).exclude(pk=membership.pk)
        if membership.role == Role.OWNER and others.exists() and not others.filter(role=Role.OWNER).exists():
            raise Conflict("last_owner", "An organisation keeps at least one owner.")


def _leave(principal: Principal, memberships: list[Membership]) -> None:
    """End keys and memberships; an organisation of this person alone loses its name, which is often theirs."""
    keys = ApiKey.objects.select_for_update().filter(created_by=principal.user, revoked_at__isnull=True)
    end_keys(principal=principal, keys=list(keys))
    for membership in memberships:
        record(
            event="member.removed",
            actor=principal_of(membership).actor,
            organisation_id=membership.organisation_id,
            subject=about("user", membership.user_id),
            data={"user_id": str(membership.user_id), "role": membership.role},
        )
        organisation = membership.organisation
        membership.delete()
        if not Membership.objects.filter(organisation=organisation).exists():
            organisation.name = organisation.slug = f"closed-{organisation.pk.hex[-12:]}"
            organisation.save(update_fields=["name", "slug"])


def _forget(user: User) -> None:
    """Everything that names the person or lets them in."""
    address = user.email
    for rows in (
        EmailAddress.objects.filter(user=user),
        Authenticator.objects.filter(user=user),
        UserSession.objects.filter(user=user),
        BiometricAcknowledgement.objects.filter(user=user),
        OutboundMail.objects.filter(recipients__contains=[address]),
        Invitation.objects.filter(email__iexact=address),
    ):
        rows.delete()
    Feedback.objects.filter(email__iexact=address).update(email="")
    ApiKey.objects.filter(created_by=user).update(name="")
    user.email, user.name = f"closed-{user.pk.hex}@invalid.example", ""
    user.is_active = user.is_staff = user.is_reviewer = False
    user.set_unusable_password()
    user.save(update_fields=["email", "name", "is_active", "is_staff", "is_reviewer", "password"])
