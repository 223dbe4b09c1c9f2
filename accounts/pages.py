"""Pages of people and voices."""

from django.urls import path

from accounts.consent import owner_views as owner
from accounts.consent import review_views as reviewing
from accounts.consent import views as consent
from accounts.people import views as people
from accounts.voices import views as voices

app_name = "accounts"

urlpatterns = [
    path("first-administrator/<str:token>", people.first_admin, name="first_admin"),
    path("invitations/<str:token>", people.invitation, name="invitation"),
    path("organisation", people.organisation, name="organisation"),
    path("keys", people.keys, name="keys"),
    path("mail", people.mail, name="mail"),
    path("voices", voices.voices, name="voices"),
    path("voices/new", voices.voice_new, name="voice_new"),
    path("voices/<uuid:voice_id>", voices.voice, name="voice"),
    path("voices/<uuid:voice_id>/pause", consent.pause, name="voice_pause"),
    path("voices/<uuid:voice_id>/revoke", consent.revoke, name="revoke"),
    path("voices/<uuid:voice_id>/erase", consent.erase, name="erase"),
    path("voices/<uuid:voice_id>/receipt", consent.receipt, name="receipt"),
    path("voices/<uuid:voice_id>/receipt.json", consent.receipt_file, name="receipt_file"),
    path("voices/<uuid:voice_id>/log", voices.log, name="voice_log"),
    path("uses/log", voices.uses_log, name="uses_log"),
    path("clips/<uuid:clip_id>/audio", voices.clip_audio, name="clip_audio"),
    path("voices/<uuid:voice_id>/consent", consent.consent_new, name="consent_new"),
    path("voices/<uuid:voice_id>/ask", consent.ask_owner, name="ask_owner"),
    path("consent/<str:token>", owner.asked, name="asked"),
    path("my-voice/<str:token>", owner.my_voice, name="my_voice"),
    path("my-voice/<str:token>/statement", owner.statement, name="my_voice_statement"),
    path("my-voice/<str:token>/renew", owner.renew, name="my_voice_renew"),
    path("my-voice/<str:token>/receipt.json", owner.receipt, name="my_voice_receipt"),
    path("my-voice/<str:token>/act", owner.act, name="my_voice_act"),
    path("my-voice/<str:token>/likenesses/<uuid:concern_id>", owner.likeness, name="my_voice_likeness"),
    path("challenges/<uuid:challenge_id>", consent.challenge, name="challenge"),
    path("submissions/<uuid:submission_id>", consent.submission, name="submission"),
    path("voices/<uuid:voice_id>/styles/new", voices.style_new, name="style_new"),
    path("styles/<uuid:style_id>", voices.style, name="style"),
    path("styles/<uuid:style_id>/remove", voices.style_remove, name="style_remove"),
    path("review", reviewing.review, name="review"),
    path("review/submissions/<uuid:submission_id>", reviewing.submission, name="review_submission"),
    path("review/submissions/<uuid:submission_id>/clips/<uuid:clip_id>", reviewing.clip, name="review_clip"),
    path("review/styles/<uuid:style_id>", reviewing.style, name="review_style"),
    path("likenesses", reviewing.likenesses, name="likenesses"),
    path("likenesses/<uuid:concern_id>", reviewing.likeness, name="likeness"),
]
