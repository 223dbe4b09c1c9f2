from django.apps import AppConfig


class RightsConfig(AppConfig):
    name = "synth.rights"
    label = "rights"

    def ready(self) -> None:
        from accounts.voices.signals import challenge_wanted
        from synth.rights.services.biometrics import on_challenge_wanted

        challenge_wanted.connect(on_challenge_wanted, dispatch_uid="rights.biometrics")
