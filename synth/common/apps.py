from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "synth.common"
    label = "common"
