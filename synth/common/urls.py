from django.urls import path

from synth.common import health, metrics

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("metrics", metrics.page, name="metrics"),
    path("readyz", health.readyz, name="readyz"),
]
