from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "synth.jobs"
    label = "jobs"

    def ready(self) -> None:
        from accounts.voices.signals import voice_erased, voice_revoked
        from synth.common import metrics
        from synth.jobs.metrics import figures
        from synth.jobs.services.erasing import on_voice_erased
        from synth.jobs.services.stopping import on_voice_revoked

        metrics.add_source(figures)

        voice_erased.connect(on_voice_erased, dispatch_uid="jobs.erase")
        voice_revoked.connect(on_voice_revoked, dispatch_uid="jobs.stop")
