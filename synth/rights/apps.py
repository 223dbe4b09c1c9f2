from django.apps import AppConfig


class RightsConfig(AppConfig):
    name = "synth.rights"
    label = "rights"

    def ready(self) -> None:
        from accounts.voices.signals import biometric_notice_read, challenge_wanted
        from synth.rights.services.biometrics import on_challenge_wanted, on_notice_read

        challenge_wanted.connect(on_challenge_wanted, dispatch_uid="rights.biometrics")
        biometric_notice_read.connect(on_notice_read, dispatch_uid="rights.biometrics_read")
