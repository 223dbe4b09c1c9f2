"""Doors of accounts: the API, OpenAI's voice routes, the pages. Paths of the API carry no trailing slash."""

from __future__ import annotations

from django.urls import include, path

from accounts.consent import api as consent
from accounts.consent import openai
from accounts.people import api as people
from accounts.voices import api as voices

urlpatterns = [
    path("api/v1/voices", voices.VoicesView.as_view()),
    path("api/v1/voices/<slug:voice>", voices.VoiceView.as_view()),
    path("api/v1/voices/<slug:voice>/challenges", consent.ChallengesView.as_view()),
    path("api/v1/voices/<slug:voice>/owner-links", consent.OwnerLinksView.as_view()),
    path("api/v1/voices/<slug:voice>/narrow", consent.NarrowView.as_view()),
    path("api/v1/voices/<slug:voice>/styles", voices.StylesView.as_view()),
    path("api/v1/voices/<slug:voice>/consent", consent.ConsentView.as_view()),
    path("api/v1/voices/<slug:voice>/revoke", consent.RevokeView.as_view()),
    path("api/v1/voices/<slug:voice>/suspend", consent.SuspendView.as_view()),
    path("api/v1/voices/<slug:voice>/resume", consent.ResumeView.as_view()),
    path("api/v1/voices/<slug:voice>/ledger", voices.LedgerView.as_view()),
    path("api/v1/challenges/<uuid:challenge_id>", consent.ChallengeView.as_view()),
    path("api/v1/challenges/<uuid:challenge_id>/recording", consent.RecordingView.as_view()),
    path("api/v1/submissions/<uuid:submission_id>", consent.SubmissionView.as_view()),
    path("api/v1/styles/<uuid:style_id>", voices.StyleView.as_view()),
    path("api/v1/clips/<uuid:clip_id>/audio", voices.ClipAudioView.as_view()),
    path("api/v1/receipts/verify", consent.ReceiptVerifyView.as_view()),
    path("api/v1/receipts/key", consent.ReceiptKeyView.as_view()),
    path("api/v1/review", consent.ReviewQueueView.as_view()),
    path("api/v1/review/submissions/<uuid:submission_id>", consent.ReviewSubmissionView.as_view()),
    path("api/v1/review/submissions/<uuid:submission_id>/refer", consent.ReviewReferView.as_view()),
    path("api/v1/likenesses", consent.LikenessesView.as_view()),
    path("api/v1/likenesses/<uuid:concern_id>", consent.LikenessView.as_view()),
    path("api/v1/review/styles/<uuid:style_id>", consent.ReviewStyleView.as_view()),
    path("api/v1/keys", people.KeysView.as_view()),
    path("api/v1/keys/<uuid:key_id>", people.KeyView.as_view()),
    path("api/v1/organisation", people.OrganisationView.as_view()),
    path("api/v1/organisation/members", people.MembersView.as_view()),
    path("api/v1/organisation/members/<uuid:membership_id>", people.MemberView.as_view()),
    path("api/v1/organisation/invitations", people.InvitationsView.as_view()),
    path("api/v1/organisation/invitations/<uuid:invitation_id>", people.InvitationView.as_view()),
    path("v1/audio/voices", openai.VoicesView.as_view()),
    path("v1/audio/voices/<slug:voice>", openai.VoiceView.as_view()),
    path("v1/audio/voice_consents", openai.ConsentsView.as_view()),
    path("v1/audio/voice_consents/<slug:consent_id>", openai.ConsentView.as_view()),
    path("", include("accounts.pages")),
]
