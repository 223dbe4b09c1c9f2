"""The log's doors beside the portal's shell, without the rooms above."""

from django.urls import include, path

urlpatterns = [
    path("", include("synth.portal.urls")),
    path("", include("synth.common.urls")),
    path("", include("audit.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
]
