from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "synth.projects"
    label = "projects"

    def ready(self) -> None:
        from accounts.voices.signals import voice_erased
        from synth.projects.services.upkeep import on_voice_erased

        voice_erased.connect(on_voice_erased, dispatch_uid="projects.erase")
