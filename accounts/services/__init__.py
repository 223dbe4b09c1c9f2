"""Every write of this room: keyword-only arguments, one transaction with its log entry, domain errors.

Callers import from here; the modules below are one per subject.
"""

from accounts.services.authorisation import (
    Authorisation,
    authorise,
    consent_is_live,
    styles_are_approved,
    weights_are_live,
)
from accounts.services.checks import beat, requeue_lost, result_of_refusal, sweep_recordings
from accounts.services.closing import erase_voice, expire_consents, revoke
from accounts.services.consent import (
    apply_consent_gates,
    begin_check,
    challenge_spec,
    challenge_words,
    issue_challenge,
    review,
    submit_recording,
)
from accounts.services.first_admin import (
    first_admin_link,
    open_first_admin_token,
    redeem_first_admin_token,
)
from accounts.services.keys import create_key, find_key, revoke_key
from accounts.services.people import (
    accept_invitation,
    account_created,
    change_role,
    create_organisation,
    invite,
    open_invitation,
    remove_member,
    rename_organisation,
    withdraw_invitation,
)
from accounts.services.renewal import send_renewal_notices
from accounts.services.styles import (
    add_style,
    apply_style_gates,
    begin_style_check,
    remove_style,
    review_style,
)
from accounts.services.voices import register_voice, resume, suspend
from accounts.services.weights import (
    add_weights,
    remove_weights,
    voices_with_weights,
    weights_permitted_by,
)

__all__ = [
    "Authorisation",
    "accept_invitation",
    "account_created",
    "add_style",
    "add_weights",
    "apply_consent_gates",
    "apply_style_gates",
    "authorise",
    "beat",
    "begin_check",
    "begin_style_check",
    "challenge_spec",
    "challenge_words",
    "change_role",
    "consent_is_live",
    "create_key",
    "create_organisation",
    "erase_voice",
    "expire_consents",
    "find_key",
    "first_admin_link",
    "invite",
    "issue_challenge",
    "open_first_admin_token",
    "open_invitation",
    "redeem_first_admin_token",
    "register_voice",
    "remove_member",
    "remove_style",
    "remove_weights",
    "rename_organisation",
    "requeue_lost",
    "result_of_refusal",
    "resume",
    "review",
    "review_style",
    "revoke",
    "revoke_key",
    "send_renewal_notices",
    "styles_are_approved",
    "submit_recording",
    "suspend",
    "sweep_recordings",
    "voices_with_weights",
    "weights_are_live",
    "weights_permitted_by",
    "withdraw_invitation",
]
