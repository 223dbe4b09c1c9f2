"""Rows of this room. People and keys in `people`, voices and consent in `voices`, what was trained of
a voice in `weights`, kept mail in `mail`."""

from accounts.models.mail import OutboundMail
from accounts.models.people import ApiKey, FirstAdminToken, Invitation, Membership, Organisation, User
from accounts.models.voices import Challenge, Clip, Consent, Style, Submission, Voice
from accounts.models.weights import VoiceWeights
from accounts.permissions import Role
from accounts.states import CheckState, VoiceStatus

__all__ = [
    "ApiKey",
    "Challenge",
    "CheckState",
    "Clip",
    "Consent",
    "FirstAdminToken",
    "Invitation",
    "Membership",
    "Organisation",
    "OutboundMail",
    "Role",
    "Style",
    "Submission",
    "User",
    "Voice",
    "VoiceStatus",
    "VoiceWeights",
]
