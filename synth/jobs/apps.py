from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "synth.jobs"
    label = "jobs"

    def ready(self) -> None:
        from accounts.voices.signals import voice_erased
        from synth.jobs.services.erasing import on_voice_erased

        voice_erased.connect(on_voice_erased, dispatch_uid="jobs.erase")
