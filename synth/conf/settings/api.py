"""The programs' doors: DRF and its OpenAPI schema."""

from __future__ import annotations

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.people.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["synth.common.parsers.StrictJSONParser"],
    # SDKs send Accept: application/octet-stream on speech; answering 406 to that helps nobody.
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "synth.common.negotiation.IgnoreAcceptNegotiation",
    "EXCEPTION_HANDLER": "synth.common.http.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Assent API",
    "DESCRIPTION": "Speech in consented voices, marked, logged and verifiable.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "synth.common.schema.with_refusals",
    ],
    # One name for a set of values, whatever the fields are called that hold it.
    "ENUM_NAME_OVERRIDES": {
        "CheckStateEnum": "accounts.voices.states.CheckState",
        "JobStateEnum": "synth.jobs.models.JobState",
        "FeedbackKindEnum": "synth.rights.models.Feedback.Kind",
        "LanguageEnum": "accounts.voices.languages.CHOICES",
        "NoticeKindEnum": "synth.speech.wording.KINDS",
        "NoticePlaceEnum": "synth.speech.wording.PLACES",
        "NoticeReasonEnum": "synth.jobs.services.noticing.REASON_CODES",
        "TakeDownGroundEnum": "synth.rights.models.TakeDown.Ground",
        "TakeDownReasonEnum": "synth.jobs.services.serving.TAKE_DOWN_REASONS",
        "VerificationStateEnum": "watermark.models.Verification.State",
    },
}
