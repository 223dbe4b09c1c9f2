"""Pages of speech: the studio, the history, one job with its file and proof."""

from django.urls import path

from synth.jobs import views, views_dictionary, views_notices, views_usage, views_voice_names

app_name = "jobs"

urlpatterns = [
    path("studio", views.studio, name="studio"),
    path("studio/pronunciations", views_dictionary.dictionary, name="dictionary"),
    path("studio/notices", views_notices.notices, name="notices"),
    path("studio/voice-names", views_voice_names.voice_names, name="voice_names"),
    path("usage", views_usage.usage_page, name="usage"),
    path("usage/organisations", views_usage.organisations, name="usage_organisations"),
    path("jobs", views.history, name="history"),
    path("jobs/<uuid:job_id>", views.job, name="job"),
    path("jobs/<uuid:job_id>/cancel", views.cancel, name="cancel"),
    path("jobs/<uuid:job_id>/take-down", views.take_down, name="take_down"),
    path("jobs/<uuid:job_id>/audio", views.audio, name="audio"),
    path("jobs/<uuid:job_id>/stream", views.stream, name="stream"),
    path("jobs/<uuid:job_id>/proof", views.proof, name="proof"),
]
