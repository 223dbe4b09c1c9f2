"""Pages of people and voices."""

from django.urls import path

from accounts.views import people, recordings, voices

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
    path("voices/<uuid:voice_id>/pause", voices.pause, name="voice_pause"),
    path("voices/<uuid:voice_id>/revoke", voices.revoke, name="revoke"),
    path("voices/<uuid:voice_id>/erase", voices.erase, name="erase"),
    path("voices/<uuid:voice_id>/receipt", voices.receipt, name="receipt"),
    path("voices/<uuid:voice_id>/receipt.json", voices.receipt_file, name="receipt_file"),
    path("voices/<uuid:voice_id>/ledger", voices.ledger, name="ledger"),
    path("uses", voices.uses, name="uses"),
    path("clips/<uuid:clip_id>/audio", voices.clip_audio, name="clip_audio"),
    path("voices/<uuid:voice_id>/consent", recordings.consent_new, name="consent_new"),
    path("challenges/<uuid:challenge_id>", recordings.challenge, name="challenge"),
    path("submissions/<uuid:submission_id>", recordings.submission, name="submission"),
    path("voices/<uuid:voice_id>/styles/new", recordings.style_new, name="style_new"),
    path("styles/<uuid:style_id>", recordings.style, name="style"),
    path("styles/<uuid:style_id>/remove", recordings.style_remove, name="style_remove"),
    path("review", recordings.review, name="review"),
    path("review/submissions/<uuid:submission_id>", recordings.review_submission, name="review_submission"),
    path("review/styles/<uuid:style_id>", recordings.review_style, name="review_style"),
]
