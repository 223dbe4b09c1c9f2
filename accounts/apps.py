from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "accounts"
    label = "accounts"
    verbose_name = "People, voices and consent"

    def ready(self) -> None:
        from accounts.people import schema, signals  # noqa: F401  (they register themselves)
        from accounts.people.log_access import readable_organisations
        from audit.access import set_reader

        set_reader(readable_organisations)
