from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "synth.jobs"
    label = "jobs"
