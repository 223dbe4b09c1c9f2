"""The heard notice of a job: which rule decides it, who may leave it out, and the rules of an organisation.

The nearest rule decides: voice and purpose, voice, purpose, organisation, then the installation. A caller may ask for
another notice. Leaving it out has a reason, and is refused where the profile does not let whoever asks do so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.consent.scope import PURPOSES
from accounts.people import texts
from accounts.people.permissions import MEMBERS_MANAGE
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Voice
from audit.services import record
from audit.subjects import about
from synth.errors import AssentError, Forbidden, NotFound
from synth.jobs import selectors
from synth.jobs.models import NoticeRule
from synth.law import profiles
from synth.law.profiles import ANYBODY, NOBODY
from synth.speech.wording import BEGINNING, KINDS, NONE, PLACES, RHYTHM, SPOKEN, WORDING

REASONS: dict[str, Promise] = {
    "announced": _("listeners are told in another way"),
    "artistic": _("evidently artistic, satirical or fictional"),
    "accessibility": _("a person speaks with it, or has a text read"),
    "internal": _("not for the public: tests and drafts"),
    "on_request": _("asked for by the user, who took over the duty"),
}
REASON_CODES = tuple(REASONS)
MAX_WORDING = 200


def notice_for(
    *, principal: Principal, voice: Voice, purpose: str, language: str, asked: str = "", reason: str = ""
) -> dict[str, Any]:
    """What a job keeps as its notice: kind, places, text, reason, and by whom it was decided (rule, caller, default).

    ``asked``: what the caller wants; "" is whatever the rules say. Raises AssentError ``notice_unknown``,
    ``notice_reason_missing``; Forbidden ``notice_required`` where the profile asks for one and the caller would leave
    it out.
    """
    rules = profiles.rules(settings.ASSENT_PROFILE)
    rule = selectors.notice_rule(principal.organisation, voice, purpose)
    if asked:
        _known_kind(asked)
        if asked == NONE:
            if rules.notice_required and rules.notice_off_by != ANYBODY and not _is_off(rule, rules):
                raise _required(rules)
            _known_reason(reason)
        return _kept(
            asked,
            _places(rule, rules),
            _text(rule, language),
            language,
            reason if asked == NONE else "",
            "caller",
        )
    if rule is not None and (rule.kind != NONE or _is_off(rule, rules)):
        return _kept(
            rule.kind,
            _places(rule, rules),
            _text(rule, language),
            language,
            rule.reason,
            "rule",
            str(rule.pk),
        )
    return _kept(_default(rules), (BEGINNING,), _text(None, language), language, "", "default")


def _default(rules: profiles.Rules) -> str:
    if settings.ASSENT_NOTICE in KINDS:
        return str(settings.ASSENT_NOTICE)
    return SPOKEN if rules.notice_required else NONE


def _is_off(rule: NoticeRule | None, rules: profiles.Rules) -> bool:
    """Whether a rule of the organisation's owner leaves the notice out, and the profile lets it."""
    if rule is None or rule.kind != NONE:
        return False
    return not rules.notice_required or rules.notice_off_by != NOBODY


def _kept(
    kind: str, places: Sequence[str], text: str, language: str, reason: str, source: str, rule_id: str = ""
) -> dict[str, Any]:
    if kind == SPOKEN and not text:
        kind = RHYTHM  # nobody has worded it in this language
    return {
        "kind": kind,
        "places": [] if kind == NONE else list(places),
        "text": text if kind == SPOKEN else "",
        "reason": reason,
        "source": source,
        "rule_id": rule_id,
    }


def _places(rule: NoticeRule | None, rules: profiles.Rules) -> Sequence[str]:
    """Those of the rule; it may be older than the profile that is in force."""
    return _in_order(rule.places if rule is not None and rule.places else (BEGINNING,), rules)


def _in_order(places: Sequence[str], rules: profiles.Rules) -> list[str]:
    """Where a notice is required it stands at the beginning whatever else."""
    wanted = {*places, *((BEGINNING,) if rules.notice_required else ())}
    return [place for place in PLACES if place in wanted]


def _text(rule: NoticeRule | None, language: str) -> str:
    worded: Mapping[str, str] = rule.wording if rule is not None else {}
    return worded.get(language) or WORDING.get(language, "")


def set_rule(
    *,
    principal: Principal,
    kind: str,
    voice: str = "",
    purpose: str = "",
    places: Sequence[str] = (BEGINNING,),
    wording: Mapping[str, str] | None = None,
    reason: str = "",
) -> NoticeRule:
    """Set the rule of the organisation for a voice, a purpose, both or all; by its owner, in person.

    Raises Forbidden ``scope_missing``, ``person_required``, ``notice_required``; NotFound ``voice_not_found``;
    AssentError ``notice_unknown``, ``notice_places_invalid``, ``notice_reason_missing``, ``notice_purpose_unknown``.
    """
    principal.require_person()
    principal.require(MEMBERS_MANAGE)
    rules = profiles.rules(settings.ASSENT_PROFILE)
    _known_kind(kind)
    if kind == NONE:
        if rules.notice_required and rules.notice_off_by == NOBODY:
            raise _required(rules)
        _known_reason(reason)
    if purpose and purpose not in PURPOSES:
        raise AssentError(
            "notice_purpose_unknown", "This is no purpose.", limit=list(PURPOSES), extra={"param": "purpose"}
        )
    row = voice_selectors.get_voice(principal, voice) if voice else None
    with transaction.atomic():
        before = NoticeRule.objects.filter(
            organisation=principal.organisation, voice=row, purpose=purpose
        ).first()
        rule, _made = NoticeRule.objects.update_or_create(
            organisation=principal.organisation,
            voice=row,
            purpose=purpose,
            defaults={
                "kind": kind,
                "places": [] if kind == NONE else _checked_places(places, rules),
                "wording": _checked_wording(wording or {}),
                "reason": reason if kind == NONE else "",
                "set_by": principal.user,
            },
        )
        _log(principal, rule, before.kind if before else "", kind)
    return rule


def remove_rule(*, principal: Principal, rule_id: UUID) -> None:
    """Take a rule away; the next wider one decides. Raises NotFound ``notice_rule_not_found``, and as `set_rule`."""
    principal.require_person()
    principal.require(MEMBERS_MANAGE)
    with transaction.atomic():
        rule = NoticeRule.objects.filter(organisation=principal.organisation, pk=rule_id).first()
        if rule is None:
            raise NotFound("notice_rule_not_found", "There is no such rule.")
        _log(principal, rule, rule.kind, "")
        rule.delete()


def _log(principal: Principal, rule: NoticeRule, before: str, now: str) -> None:
    record(
        event="settings.changed",
        actor=principal.actor,
        organisation_id=principal.organisation.pk,
        subject=about("organisation", principal.organisation.pk),
        data={
            "setting": "heard_notice",
            "rule_id": str(rule.pk),
            "voice_id": str(rule.voice_id) if rule.voice_id else None,
            "purpose": rule.purpose,
            "previous_value": before,
            "value": now,
            "notice_places": rule.places,
            "reason": rule.reason if now == NONE else "",
        },
    )


def _known_kind(kind: str) -> None:
    if kind not in KINDS:
        raise AssentError(
            "notice_unknown",
            "A notice is none, spoken or rhythm.",
            limit=list(KINDS),
            extra={"param": "notice"},
        )


def _known_reason(reason: str) -> None:
    if reason not in REASONS:
        raise AssentError(
            "notice_reason_missing",
            "Say why there is to be no notice.",
            limit=list(REASONS),
            extra={"param": "notice_reason"},
        )


def _required(rules: profiles.Rules) -> Forbidden:
    return Forbidden(
        "notice_required",
        "The rules that this service follows ask for a heard notice; it cannot be left out here.",
        limit=list(rules.profiles),
        extra={"param": "notice"},
    )


def _checked_places(places: Sequence[str], rules: profiles.Rules) -> list[str]:
    if not places or any(place not in PLACES for place in places):
        raise AssentError(
            "notice_places_invalid",
            "Name where the notice is to be heard.",
            limit=list(PLACES),
            extra={"param": "places"},
        )
    return _in_order(places, rules)


def _checked_wording(wording: Mapping[str, str]) -> dict[str, str]:
    lines = {
        language: texts.clean_line(text, field="wording", limit=MAX_WORDING, required=False)
        for language, text in wording.items()
        if language in WORDING
    }
    return {language: text for language, text in lines.items() if text}
