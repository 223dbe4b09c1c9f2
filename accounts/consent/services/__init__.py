"""Every write about consent: keyword-only arguments, one transaction with its log entry, domain errors.

Callers import from here; the modules below are one per subject.
"""

from accounts.consent.services.authorisation import (
    Authorisation,
    authorise,
    consent_is_live,
    styles_are_approved,
    weights_are_live,
)
from accounts.consent.services.challenges import challenge_spec, challenge_words, issue_challenge
from accounts.consent.services.checks import beat, result_of_refusal, sweep_recordings
from accounts.consent.services.closing import erase_voice, expire_consents, revoke
from accounts.consent.services.decisions import apply_consent_gates, begin_check, review
from accounts.consent.services.links import ask_owner, asked_scope, open_link, owner_principal, use_link
from accounts.consent.services.narrowing import narrow
from accounts.consent.services.own_weights import (
    add_weights,
    remove_weights,
    voices_with_weights,
    weights_permitted_by,
)
from accounts.consent.services.pausing import halt, resume, suspend
from accounts.consent.services.renewal import send_renewal_notices
from accounts.consent.services.rights import answer_likeness, approvals_needed, refer
from accounts.consent.services.styles import (
    add_style,
    apply_style_gates,
    begin_style_check,
    remove_style,
    review_style,
)
from accounts.consent.services.submissions import submit_recording
from accounts.consent.services.upkeep import requeue_lost

__all__ = [
    "Authorisation",
    "add_style",
    "add_weights",
    "answer_likeness",
    "apply_consent_gates",
    "apply_style_gates",
    "approvals_needed",
    "ask_owner",
    "asked_scope",
    "authorise",
    "beat",
    "begin_check",
    "begin_style_check",
    "challenge_spec",
    "challenge_words",
    "consent_is_live",
    "erase_voice",
    "expire_consents",
    "halt",
    "issue_challenge",
    "narrow",
    "open_link",
    "owner_principal",
    "refer",
    "remove_style",
    "remove_weights",
    "requeue_lost",
    "result_of_refusal",
    "resume",
    "review",
    "review_style",
    "revoke",
    "send_renewal_notices",
    "styles_are_approved",
    "submit_recording",
    "suspend",
    "sweep_recordings",
    "use_link",
    "voices_with_weights",
    "weights_are_live",
    "weights_permitted_by",
]
