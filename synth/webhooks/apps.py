from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "synth.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        from audit.signals import entry_recorded
        from synth.webhooks.services.outbox import on_entry_recorded

        entry_recorded.connect(on_entry_recorded, dispatch_uid="webhooks.outbox")
