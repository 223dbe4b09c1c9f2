from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "synth.jobs"
    label = "jobs"

    def ready(self) -> None:
        from accounts.voices.signals import voice_erased, voice_revoked
        from synth.common import metrics
        from synth.jobs.metrics import figures
        from synth.jobs.selectors import said_in_records
        from synth.jobs.services.erasing import on_voice_erased
        from synth.jobs.services.stopping import on_voice_revoked
        from watermark import passages

        metrics.add_source(figures)
        passages.add_source(said_in_records)
        voice_erased.connect(on_voice_erased, dispatch_uid="jobs.erase")
        voice_revoked.connect(on_voice_revoked, dispatch_uid="jobs.stop")
