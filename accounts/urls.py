"""Doors of accounts: the API, OpenAI's voice routes, the pages. Paths of the API carry no trailing slash."""

from __future__ import annotations

from django.urls import include, path

from accounts import api, api_people, openai

urlpatterns = [
    path("api/v1/voices", api.VoicesView.as_view()),
    path("api/v1/voices/<slug:voice>", api.VoiceView.as_view()),
    path("api/v1/voices/<slug:voice>/challenges", api.ChallengesView.as_view()),
    path("api/v1/voices/<slug:voice>/styles", api.StylesView.as_view()),
    path("api/v1/voices/<slug:voice>/consent", api.ConsentView.as_view()),
    path("api/v1/voices/<slug:voice>/revoke", api.RevokeView.as_view()),
    path("api/v1/voices/<slug:voice>/suspend", api.SuspendView.as_view()),
    path("api/v1/voices/<slug:voice>/resume", api.ResumeView.as_view()),
    path("api/v1/voices/<slug:voice>/ledger", api.LedgerView.as_view()),
    path("api/v1/challenges/<uuid:challenge_id>", api.ChallengeView.as_view()),
    path("api/v1/challenges/<uuid:challenge_id>/recording", api.RecordingView.as_view()),
    path("api/v1/submissions/<uuid:submission_id>", api.SubmissionView.as_view()),
    path("api/v1/styles/<uuid:style_id>", api.StyleView.as_view()),
    path("api/v1/clips/<uuid:clip_id>/audio", api.ClipAudioView.as_view()),
    path("api/v1/receipts/verify", api.ReceiptVerifyView.as_view()),
    path("api/v1/receipts/key", api.ReceiptKeyView.as_view()),
    path("api/v1/review", api_people.ReviewQueueView.as_view()),
    path("api/v1/review/submissions/<uuid:submission_id>", api_people.ReviewSubmissionView.as_view()),
    path("api/v1/review/styles/<uuid:style_id>", api_people.ReviewStyleView.as_view()),
    path("api/v1/keys", api_people.KeysView.as_view()),
    path("api/v1/keys/<uuid:key_id>", api_people.KeyView.as_view()),
    path("api/v1/organisation", api_people.OrganisationView.as_view()),
    path("api/v1/organisation/members", api_people.MembersView.as_view()),
    path("api/v1/organisation/members/<uuid:membership_id>", api_people.MemberView.as_view()),
    path("api/v1/organisation/invitations", api_people.InvitationsView.as_view()),
    path("api/v1/organisation/invitations/<uuid:invitation_id>", api_people.InvitationView.as_view()),
    path("v1/audio/voices", openai.VoicesView.as_view()),
    path("v1/audio/voices/<slug:voice>", openai.VoiceView.as_view()),
    path("v1/audio/voice_consents", openai.ConsentsView.as_view()),
    path("v1/audio/voice_consents/<slug:consent_id>", openai.ConsentView.as_view()),
    path("", include("accounts.pages")),
]
