"""May this caller speak this text in this voice and style, for this purpose, now? And still now?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from accounts.consent.models import Consent, VoiceWeights
from accounts.consent.scope import DEFAULT_PURPOSE, Scope, check_use
from accounts.people import permissions
from accounts.people.principals import Principal
from accounts.voices import selectors
from accounts.voices.models import Style, Voice
from accounts.voices.states import CheckState, VoiceStatus
from synth.errors import Forbidden, NotFound

NEUTRAL = "neutral"


@dataclass(frozen=True)
class Authorisation:
    """The answer yes. Keep `consent.pk` with `consent_version`; ask `consent_is_live` again before release.

    `style` is None when no style was asked for and the voice has no "neutral" one: then the consent recording
    itself (`consent.submission.clip`) is the reference. `further` are the other styles that were asked for, by
    name. `weights` are the voice's own, where it has some and this consent covers them.
    """

    voice: Voice
    style: Style | None
    consent: Consent
    consent_version: int
    further: dict[str, Style]
    weights: VoiceWeights | None


def authorise(
    *,
    principal: Principal,
    voice: Voice | UUID | str,
    style_name: str | None = None,
    text: str,
    purpose: str = DEFAULT_PURPOSE,
    language: str,
    further_styles: Sequence[str] = (),
    further_texts: Sequence[str] = (),
) -> Authorisation:
    """Say whether this use is permitted now.

    `voice` is a row, an id, or a slug of the caller's organisation. `further_styles` are names of styles that
    parts of the text ask for; `further_texts` other ways in which the text will be heard (aliases in place of
    their words, say). Every style and every text must be permitted. Raises NotFound ``voice_not_found``,
    ``style_not_found``; Forbidden ``scope_missing``, ``consent_missing``, ``consent_revoked``,
    ``consent_expired``, ``voice_suspended``, ``scope_violation``.
    """
    principal.require(permissions.SPEECH_WRITE)
    wanted = voice.pk if isinstance(voice, Voice) else voice
    found = selectors.get_voice(principal, wanted)
    if found.organisation_id != principal.organisation.pk:
        # A person's own voice, used by another organisation: theirs to stop, not to speak with from here.
        raise NotFound("voice_not_found", "There is no such voice.")
    consent = _live_consent(found)
    style = _style(found, style_name)
    further = {name: _named_style(found, name) for name in further_styles}
    scope = Scope.from_json(consent.scope_in_force)
    check_use(
        scope,
        organisation_id=str(principal.organisation.pk),
        purpose=purpose,
        language=language,
        emotions=[used.emotion for used in (style, *further.values()) if used is not None],
        spoken=[text, *further_texts],
    )
    weights = found.weights.filter(removed_at__isnull=True).first() if scope.custom_weights else None
    return Authorisation(
        voice=found,
        style=style,
        consent=consent,
        consent_version=consent.version,
        further=further,
        weights=weights,
    )


def consent_is_live(
    *, consent_id: UUID, version: int, at: datetime | None = None, lock: bool = False
) -> bool:
    """Whether the consent remembered as (`consent_id`, `version`) still permits speech at `at` (now).

    `lock=True`, inside the transaction that releases: SELECT ... FOR SHARE on the consent row, so that a
    revocation and a release cannot cross. Either the revocation committed first and this is False, or it
    waits until the release has committed.
    """
    consent = _for_share(consent_id) if lock else Consent.objects.filter(pk=consent_id).first()
    if consent is None or consent.version != version:
        return False
    if consent.state_at(at or timezone.now()) != "live":
        return False
    # A query of its own, after the lock: in READ COMMITTED it sees a suspension that committed meanwhile.
    return Voice.objects.filter(pk=consent.voice_id, status=VoiceStatus.ACTIVE).exists()


def styles_are_approved(*, style_ids: Collection[UUID], lock: bool = False) -> bool:
    """Whether all of these styles are still to be spoken with.

    `lock=True`, inside the transaction that releases and after `consent_is_live`: SELECT ... FOR SHARE on the
    rows, so that a removal and a release cannot cross either.
    """
    wanted = sorted(set(style_ids))
    if lock:
        _require_transaction()
        rows = Style.objects.raw(
            "SELECT * FROM accounts_style WHERE id = ANY(%s) ORDER BY id FOR SHARE", [wanted]
        )
        return sum(style.state == CheckState.APPROVED for style in rows) == len(wanted)
    return Style.objects.filter(pk__in=wanted, state=CheckState.APPROVED).count() == len(wanted)


def weights_are_live(*, weights_id: UUID, lock: bool = False) -> bool:
    """Whether these weights of a voice still count. `lock=True` as in `styles_are_approved`, and after it."""
    if lock:
        _require_transaction()
        rows = VoiceWeights.objects.raw(
            "SELECT * FROM accounts_voiceweights WHERE id = %s FOR SHARE", [weights_id]
        )
        return any(row.removed_at is None for row in rows)
    return VoiceWeights.objects.filter(pk=weights_id, removed_at__isnull=True).exists()


def _for_share(consent_id: UUID) -> Consent | None:
    # Django knows FOR UPDATE alone; releases in one voice must not wait for each other.
    _require_transaction()
    rows = Consent.objects.raw("SELECT * FROM accounts_consent WHERE id = %s FOR SHARE", [consent_id])
    return next(iter(rows), None)


def _require_transaction() -> None:
    if not connection.in_atomic_block:
        raise TransactionManagementError("a lock is held by the releasing transaction: begin one first")


def _live_consent(voice: Voice) -> Consent:
    consent = (
        Consent.objects.filter(voice=voice).select_related("submission__clip").order_by("-version").first()
    )
    if voice.status == VoiceStatus.REVOKED:
        raise Forbidden("consent_revoked", "The owner of this voice has withdrawn the consent.")
    if consent is None:
        raise Forbidden("consent_missing", "Nobody has consented to the use of this voice yet.")
    state = consent.state_at(timezone.now())
    if state == "expired":
        raise Forbidden("consent_expired", "The consent to this voice has expired.")
    if state != "live":
        raise Forbidden("consent_revoked", "The owner of this voice has withdrawn the consent.")
    if voice.status != VoiceStatus.ACTIVE:
        raise Forbidden("voice_suspended", "This voice is suspended.")
    return consent


def _style(voice: Voice, name: str | None) -> Style | None:
    if name:
        return _named_style(voice, name)
    return _approved(voice).filter(name=NEUTRAL).first()


def _named_style(voice: Voice, name: str) -> Style:
    style = _approved(voice).filter(name=name).first() if selectors.is_slug(name) else None
    if style is None:
        raise NotFound(
            "style_not_found", "The voice has no approved style of this name.", extra={"param": "style"}
        )
    return style


def _approved(voice: Voice) -> QuerySet[Style]:
    return Style.objects.select_related("clip").filter(voice=voice, state=CheckState.APPROVED)
