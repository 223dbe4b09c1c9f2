"""The one table of doors. Each room brings its own; paths of the API carry no trailing slash."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

from synth.jobs import api_v2
from synth.portal.views import reference

urlpatterns = [
    path("", api_v2.root),  # the home page, and a door of existing programs that post to the root
    path("", include("synth.portal.urls")),
    path("", include("synth.common.urls")),
    path("", include("audit.urls")),
    path("", include("accounts.urls")),
    path("", include("watermark.urls")),
    path("", include("synth.jobs.urls")),
    path("", include("synth.webhooks.urls")),
    path("", include("synth.projects.urls")),
    path("", include("synth.rights.urls")),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/schema", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/docs", reference, name="api-docs"),
]

handler400 = "synth.portal.errors.bad_request"
handler403 = "synth.portal.errors.forbidden"
handler404 = "synth.portal.errors.not_found"
handler500 = "synth.portal.errors.server_error"
