from django.urls import include, path

from synth.jobs import (
    api,
    api_dictionary,
    api_notices,
    api_usage,
    api_v2,
    api_voice_names,
    elevenlabs,
    openai,
)

urlpatterns = [
    path("api/v1/jobs", api.JobsView.as_view(), name="jobs"),
    path("api/v1/jobs/<uuid:job_id>", api.JobView.as_view(), name="job"),
    path("api/v1/jobs/<uuid:job_id>/cancel", api.JobCancelView.as_view(), name="job-cancel"),
    path("api/v1/jobs/<uuid:job_id>/take-down", api.JobTakeDownView.as_view(), name="job-take-down"),
    path("api/v1/jobs/<uuid:job_id>/audio", api.JobAudioView.as_view(), name="job-audio"),
    path("api/v1/jobs/<uuid:job_id>/stream", api.JobStreamView.as_view(), name="job-stream"),
    path("api/v1/jobs/<uuid:job_id>/timestamps", api.JobTimestampsView.as_view(), name="job-timestamps"),
    path("api/v1/engine", api.EngineView.as_view(), name="engine"),
    path("api/v1/dictionary", api_dictionary.DictionaryView.as_view(), name="dictionary"),
    path("api/v1/dictionary/versions", api_dictionary.VersionsView.as_view(), name="dictionary-versions"),
    path(
        "api/v1/dictionary/versions/<int:version>",
        api_dictionary.VersionView.as_view(),
        name="dictionary-version",
    ),
    path("api/v1/notices", api_notices.NoticeRulesView.as_view(), name="notice-rules"),
    path("api/v1/notices/<uuid:rule_id>", api_notices.NoticeRuleView.as_view(), name="notice-rule"),
    path("api/v1/voice-names", api_voice_names.VoiceNamesView.as_view(), name="voice-names"),
    path("api/v1/voice-names/<str:name>", api_voice_names.VoiceNameView.as_view(), name="voice-name"),
    path("api/v1/usage", api_usage.UsageView.as_view(), name="usage"),
    path("api/v1/keys/<uuid:key_id>/limits", api_usage.KeyLimitsView.as_view(), name="key-limits"),
    path(
        "api/v1/organisations/<uuid:organisation_id>/limits",
        api_usage.OrganisationLimitsView.as_view(),
        name="organisation-limits",
    ),
    path("v1/audio/speech", openai.SpeechView.as_view(), name="openai-speech"),
    path("v1/models", openai.ModelsView.as_view(), name="openai-models"),
    path("v1/models/<str:model>", openai.ModelView.as_view(), name="openai-model"),
    path("v1/voices", elevenlabs.VoicesView.as_view(), name="elevenlabs-voices"),
    path("v1/text-to-speech/<str:voice_id>", elevenlabs.SpeechView.as_view(), name="elevenlabs-speech"),
    path(
        "v1/text-to-speech/<str:voice_id>/stream", elevenlabs.StreamView.as_view(), name="elevenlabs-stream"
    ),
    path(
        "v1/text-to-speech/<str:voice_id>/with-timestamps",
        elevenlabs.TimestampsView.as_view(),
        name="elevenlabs-timestamps",
    ),
    path("tts", api_v2.TtsView.as_view(), name="gptsovits-tts"),
    path("speakers", api_v2.SpeakersView.as_view(), name="gptsovits-speakers"),
    path("set_gpt_weights", api_v2.GptWeightsView.as_view(), name="gptsovits-gpt-weights"),
    path("set_sovits_weights", api_v2.SovitsWeightsView.as_view(), name="gptsovits-sovits-weights"),
    path("set_refer_audio", api_v2.ReferAudioView.as_view(), name="gptsovits-refer-audio"),
    path("control", api_v2.ControlView.as_view(), name="gptsovits-control"),
    path("", include("synth.jobs.pages")),
]
