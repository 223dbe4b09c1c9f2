from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "synth.jobs"
    label = "jobs"

    def ready(self) -> None:
        from accounts.voices.signals import voice_erased
        from synth.common import metrics
        from synth.jobs.metrics import figures
        from synth.jobs.services.erasing import on_voice_erased

        metrics.add_source(figures)

        voice_erased.connect(on_voice_erased, dispatch_uid="jobs.erase")
