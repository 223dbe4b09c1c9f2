"""Less than before: the owner takes part of a consent back, without a new statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from accounts.consent.models import Consent, VoiceWeights
from accounts.consent.scope import Scope, make_scope
from accounts.consent.services.own_weights import close_weights
from accounts.people.principals import Principal
from accounts.voices import selectors
from accounts.voices.services import lock_voice, record
from synth.errors import AssentError, NotFound


def narrow(
    *,
    principal: Principal,
    voice_id: UUID | str,
    purposes: Sequence[str],
    languages: Sequence[str],
    excluded_terms: Sequence[str] = (),
    custom_weights: bool = False,
) -> Consent:
    """Permit less: fewer purposes and languages, more words that are never said, no model any more.

    `excluded_terms` come beside those there are. The consent's version grows, so that jobs that wait or run under the
    wider scope are not released. Raises NotFound ``consent_missing``; Forbidden ``not_your_voice``; AssentError
    ``scope_wider`` for what was not permitted before, and those of the scope.
    """
    voice = selectors.get_controlled_voice(principal, voice_id)
    with transaction.atomic():
        voice = lock_voice(voice.pk)
        consent = Consent.objects.select_for_update().filter(voice=voice, closed_as="").first()
        if consent is None:
            raise NotFound("consent_missing", "Nobody has consented to the use of this voice yet.")
        now = Scope.from_json(consent.scope_in_force)
        terms = (*now.excluded_terms, *excluded_terms)
        checked = make_scope(
            organisation_id=now.organisation,
            purposes=purposes,
            languages=languages,
            emotions=now.emotions,
            excluded_terms=terms,
            valid_days=now.valid_days,
            custom_weights=custom_weights,
        )
        _refuse_wider(checked, now)
        narrowed = replace(checked, custom_weights=custom_weights and now.custom_weights)
        consent.narrowed_scope = narrowed.as_json()
        consent.version += 1
        consent.save(update_fields=["narrowed_scope", "version"])
        record(
            principal,
            "consent.narrowed",
            voice,
            consent_id=str(consent.pk),
            consent_version=consent.version,
            scope_sha256=narrowed.sha256(),
        )
        if not narrowed.custom_weights:
            close_weights(voice, VoiceWeights.Reason.NOT_PERMITTED, principal.actor)
    return consent


def _refuse_wider(wanted: Scope, now: Scope) -> None:
    for part in ("purposes", "languages"):
        wider = [item for item in getattr(wanted, part) if item not in getattr(now, part)]
        if wider:
            raise AssentError(
                "scope_wider",
                "More than before needs a new statement.",
                measured=wider,
                limit=list(getattr(now, part)),
                extra={"param": part},
            )
