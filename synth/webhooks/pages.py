"""Pages of webhooks."""

from django.urls import path

from synth.webhooks import views

app_name = "webhooks"

urlpatterns = [
    path("webhooks", views.endpoints, name="endpoints"),
    path("webhooks/<uuid:endpoint_id>", views.endpoint, name="endpoint"),
]
