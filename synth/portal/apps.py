"""Django app of the portal's shell."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Base templates, static files, home page, error pages and language switch."""

    name = "synth.portal"
    label = "portal"
    verbose_name = "Portal"
