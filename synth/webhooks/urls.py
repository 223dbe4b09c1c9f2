from django.urls import include, path

from synth.webhooks import api

_ONE = "api/v1/webhooks/<uuid:endpoint_id>"

urlpatterns = [
    path("api/v1/webhooks", api.EndpointsView.as_view(), name="webhooks-api"),
    path(_ONE, api.EndpointView.as_view(), name="webhook-api"),
    path(f"{_ONE}/secret", api.SecretView.as_view(), name="webhook-secret"),
    path(f"{_ONE}/test", api.TestView.as_view(), name="webhook-test"),
    path(f"{_ONE}/replay", api.ReplaySinceView.as_view(), name="webhook-replay-since"),
    path(f"{_ONE}/deliveries", api.DeliveriesView.as_view(), name="webhook-deliveries"),
    path(f"{_ONE}/deliveries/<uuid:delivery_id>/replay", api.ReplayView.as_view(), name="webhook-replay"),
    path("", include("synth.webhooks.pages")),
]
