"""The owner of a voice without an account: a link that asks them once, and a link of their own to keep.

Whoever holds a link acts as the voice's owner, through the same services and rules as one with an account. What the
link proves is that its holder was sent it; whose voice it is, the recording and the reviewers have to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.consent import letters
from accounts.consent.models import Challenge, OwnerLink
from accounts.consent.scope import Scope, make_scope
from accounts.consent.services.challenges import issue_challenge, refuse_closed
from accounts.people import permissions, texts
from accounts.people.models import User
from accounts.people.principals import Principal
from accounts.people.tokens import new_token, token_hash
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Voice
from accounts.voices.services import lock_voice, record
from accounts.voices.signals import biometric_notice_read
from synth.errors import Forbidden, NotFound

ASKS_FOR = timedelta(days=7)
ASKING_PATH = "/consent/"
KEPT_PATH = "/my-voice/"


def ask_owner(
    *, principal: Principal, voice_id: UUID | str, languages: Sequence[str] | None = None, **scope: Any
) -> tuple[OwnerLink, str]:
    """A link to send to the owner of a voice: (row, address). It works once, for seven days; an earlier one ends.

    `scope` is what is asked for (as in `issue_challenge`); the owner decides. Raises Forbidden ``scope_missing``,
    ``owner_has_account``, ``voice_revoked``, ``voice_suspended``; NotFound ``voice_not_found`` and the scope's errors.
    """
    principal.require(permissions.CONSENT_WRITE)
    voice = voice_selectors.get_voice(principal, voice_id)
    if voice.owner.has_account:
        raise Forbidden("owner_has_account", "The owner of this voice has an account and consents there.")
    asked = make_scope(
        organisation_id=str(voice.organisation_id),
        languages=[voice.language] if languages is None else languages,
        **scope,
    )
    now, token = timezone.now(), new_token()
    with transaction.atomic():
        voice = lock_voice(voice.pk)
        refuse_closed(voice)
        OwnerLink.objects.filter(voice=voice, kind=OwnerLink.Kind.ASKS, ended_at__isnull=True).update(
            ended_at=now
        )
        link = OwnerLink.objects.create(
            voice=voice,
            kind=OwnerLink.Kind.ASKS,
            token_hash=token_hash(token),
            scope=asked.as_json(),
            created_by=principal.user,
            created_at=now,
            expires_at=now + ASKS_FOR,
        )
        record(
            principal,
            "consent.asked_by_link",
            voice,
            item=str(link.pk),
            scope_sha256=asked.sha256(),
            expires_at=(now + ASKS_FOR).isoformat(),
        )
    return link, f"{settings.ASSENT_BASE_URL}{ASKING_PATH}{token}"


def open_link(token: str, kind: OwnerLink.Kind) -> OwnerLink:
    """The link of this token while it works. NotFound ``link_used`` or ``link_not_valid``."""
    link = (
        OwnerLink.objects.select_related("voice", "voice__owner", "voice__organisation")
        .filter(token_hash=token_hash(token), kind=kind)
        .first()
    )
    if link is not None and link.challenge_id is not None:
        raise NotFound("link_used", "This link was used. It works once; ask for a new one.")
    ended = link is None or link.ended_at is not None or link.voice.erased_at is not None
    if link is None or ended or (link.expires_at is not None and timezone.now() >= link.expires_at):
        raise NotFound("link_not_valid", "This link does not work any more, or never did. Ask for a new one.")
    return link


def use_link(token: str, *, contact: str = "", **scope: Any) -> tuple[Challenge, str]:
    """Use a link that asks: the statement that permits `scope`, and the address of the owner's private page.

    Raises what `open_link` and `issue_challenge` do, and AssentError ``email_invalid`` for a `contact` that is none.
    """
    link = open_link(token, OwnerLink.Kind.ASKS)
    contact = texts.clean_email(contact, field="contact", required=False)
    with transaction.atomic():
        # The owner's row before the voice's, as `issue_challenge` takes them.
        User.objects.select_for_update().get(pk=link.voice.owner_id)
        voice = lock_voice(link.voice_id)
        owner = owner_principal(voice)
        # Under the voice's lock a link is used by one at a time.
        link = open_link(token, OwnerLink.Kind.ASKS)
        # The page of the link shows the notice above the button that leads here.
        biometric_notice_read.send(sender=Voice, principal=owner)
        challenge = issue_challenge(principal=owner, voice_id=voice.pk, **scope)
        OwnerLink.objects.filter(pk=link.pk).update(challenge=challenge, ended_at=timezone.now())
        if contact:
            User.objects.filter(pk=voice.owner_id).update(contact=contact)
            voice.owner.contact = contact
        kept = new_token()
        OwnerLink.objects.create(voice=voice, kind=OwnerLink.Kind.KEPT, token_hash=token_hash(kept))
        url = f"{settings.ASSENT_BASE_URL}{KEPT_PATH}{kept}"
        record(owner, "consent.link_used", voice, item=str(link.pk), challenge_id=str(challenge.pk))
        letters.send_private_link(voice, url)
    return challenge, kept


def owner_principal(voice: Voice) -> Principal:
    """The owner of a voice, acting by a link: over their own voices, and with no right of the organisation."""
    return Principal(
        user=voice.owner,
        organisation=voice.organisation,
        role="",
        api_key=None,
        scopes=frozenset({permissions.CONSENT_WRITE}),
    )


def asked_scope(link: OwnerLink) -> Scope:
    """What a link that asks is asking for."""
    return Scope.from_json(link.scope or {})
