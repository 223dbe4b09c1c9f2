from django.apps import AppConfig


class ConfConfig(AppConfig):
    name = "synth.conf"
    label = "conf"

    def ready(self) -> None:
        from synth.conf import checks  # noqa: F401
