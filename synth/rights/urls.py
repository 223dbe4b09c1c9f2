from django.urls import include, path

from synth.rights import api

urlpatterns = [
    path("api/v1/feedback", api.FeedbackView.as_view(), name="feedback"),
    path("api/v1/take-downs", api.TakeDownsView.as_view(), name="take-downs"),
    path("api/v1/voices/<slug:voice>/usage", api.UsageView.as_view(), name="voice-usage"),
    path("api/v1/projects/<uuid:project_id>/usage", api.ProjectUsageView.as_view(), name="project-usage"),
    path("api/v1/voices/<slug:voice>/erasure", api.ErasureView.as_view(), name="voice-erasure"),
    path("", include("synth.rights.pages")),
]
