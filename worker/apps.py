from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "worker"

    def ready(self) -> None:
        # `send_task` finds its broker through this app, in every process that has Django set up.
        from worker import app  # noqa: F401
