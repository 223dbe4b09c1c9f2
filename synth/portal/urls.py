"""Pages of the shell: home, status, and the choice of language and theme."""

from django.urls import path
from django.views.i18n import set_language

from synth.portal import views

app_name = "portal"

urlpatterns = [
    path("", views.home, name="home"),
    path("status", views.status, name="status"),
    path("language", set_language, name="set_language"),
    path("theme", views.set_theme, name="set_theme"),
    path("csp-report", views.csp_report, name="csp_report"),
]
