"""A job is a request to speak; an output is the file that was released for it.

An `Output` row cannot exist without its audit entry and its mark: both are NOT NULL, unique foreign keys.
Only output rows are ever served, so a file without an entry is unreachable by construction.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.consent.models import Consent, VoiceWeights
from accounts.people.models import ApiKey, Organisation
from accounts.voices.models import Clip, Style, Voice
from audit.models import Entry
from synth.common.ids import new_id
from watermark.models import Mark


class JobState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    RELEASED = "released"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATES = (JobState.RELEASED, JobState.FAILED, JobState.CANCELLED)


class DictionaryVersion(models.Model):
    """The pronunciations of an organisation as they stood after one change. Never edited: a job names its version."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="dictionaries")
    version = models.PositiveIntegerField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    word_count = models.PositiveIntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "version"], name="jobs_dictionary_version"),
            models.CheckConstraint(
                condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="jobs_dictionary_hashed"
            ),
        ]

    def __str__(self) -> str:
        return f"dictionary {self.version} of {self.organisation_id}"


class SynthesisJob(models.Model):
    """One request to speak, authorised and logged before anything computes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="jobs")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs")
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs")
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="jobs")
    style = models.ForeignKey(Style, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs")
    # The recording whose manner is followed: the style's clip, or without a style the consent recording.
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="jobs")
    # Styles from whose clips the timbre is taken, spoken in or not; chosen when the job is claimed.
    timbre = models.ManyToManyField(Style, related_name="+", blank=True)
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="jobs")
    consent_version = models.PositiveIntegerField()
    # Fine-tuned weights of the voice, where it has some and its consent covers them.
    weights = models.ForeignKey(
        VoiceWeights, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs"
    )
    authorised_entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=128, blank=True)
    request_sha256 = models.CharField(max_length=64)

    # What is said. ``source_text`` is what was sent, where that had markup; ``segments`` is how it was read.
    text = models.TextField()
    input_type = models.CharField(max_length=8, default="plain")
    source_text = models.TextField(blank=True)
    segments = models.JSONField(default=list, blank=True)
    dictionary = models.ForeignKey(
        DictionaryVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs"
    )
    text_salt = models.BinaryField()
    language = models.CharField(max_length=8)
    purpose = models.CharField(max_length=40)
    # The caller's own name of the work that the speech is for; reports of use add up by it.
    project = models.CharField(max_length=64, blank=True)
    format = models.CharField(max_length=8)
    speed = models.FloatField(default=1.0)
    seed = models.BigIntegerField(default=0)
    # What it takes of a day's quota: of the text as it was (it may be erased), and how long that is thought to take.
    characters = models.PositiveIntegerField(default=0)
    estimated_ms = models.PositiveIntegerField(default=0)
    parameters = models.JSONField(default=dict)
    # The heard notice: kind, places, text, reason, who decided it (`services.noticing`). Empty: none was thought of.
    notice = models.JSONField(default=dict, blank=True)

    # Released piece by piece while it is made; ``stream_file`` is the file that grows, empty once it is gone.
    is_streamed = models.BooleanField(default=False)
    stream_file = models.CharField(max_length=200, blank=True, default="")

    state = models.CharField(max_length=12, choices=JobState.choices, default=JobState.QUEUED)
    stage = models.CharField(max_length=16, blank=True)
    progress = models.FloatField(default=0.0)
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=64, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    engine_name = models.CharField(max_length=64, blank=True)
    engine_version = models.CharField(max_length=64, blank=True)
    is_preview = models.BooleanField(null=True, blank=True)
    content_source = models.CharField(max_length=64, blank=True)
    follow_report = models.JSONField(null=True, blank=True)
    # Where the words are in a short line that was given room tone: {"start_s", "end_s"}.
    trim_to = models.JSONField(null=True, blank=True)
    # What the recogniser made of the speech (`worker.spoken`); it names words of the text.
    spoken_check = models.JSONField(null=True, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    error = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "heartbeat_at"], name="jobs_job_waiting"),
            models.Index(fields=["organisation", "-created_at"], name="jobs_job_newest"),
            models.Index(fields=["request_sha256"], name="jobs_job_request"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="jobs_job_idempotency",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "released", "failed", "cancelled"]),
                name="jobs_job_state_known",
            ),
            models.CheckConstraint(
                condition=Q(progress__gte=0.0, progress__lte=1.0), name="jobs_job_progress_is_share"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(heartbeat_at__isnull=False) & ~Q(worker=""),
                name="jobs_job_running_has_worker",
            ),
            models.CheckConstraint(
                condition=Q(input_type="plain", source_text="") | Q(input_type__in=["tags", "ssml"]),
                name="jobs_job_input_known",
            ),
        ]

    def __str__(self) -> str:
        return f"job {self.id} {self.state}"

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


class Quota(models.Model):
    """What an organisation, or one of its keys, may speak in a day (UTC); a limit that is null is none.

    No row counts what was used: the jobs of the day do (`synth.jobs.usage`), under this row's lock.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="quotas")
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    minutes = models.PositiveIntegerField(null=True, blank=True)
    characters = models.PositiveIntegerField(null=True, blank=True)
    jobs = models.PositiveIntegerField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "api_key"], nulls_distinct=False, name="jobs_quota_one"
            ),
        ]

    def __str__(self) -> str:
        return f"quota of {self.api_key_id or self.organisation_id}"


class NoticeRule(models.Model):
    """How an organisation's speech is announced to whoever hears it: for all of it, one voice, one purpose, or both.

    ``wording`` is what a spoken notice says, by language; ``reason`` why there is none (`services.noticing.REASONS`).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="notice_rules")
    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    purpose = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=8)
    places = models.JSONField(default=list)
    wording = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=24, blank=True)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "voice", "purpose"], nulls_distinct=False, name="jobs_notice_one_rule"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["spoken", "rhythm"], reason="") | Q(kind="none") & ~Q(reason=""),
                name="jobs_notice_off_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} notice of {self.organisation_id}"


class VoiceName(models.Model):
    """A further name by which the organisation's programs may ask for one of its voices: those of OpenAI's or
    ElevenLabs' voices that are built into a program. A voice's own short name goes before it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="voice_names")
    name = models.CharField(max_length=64)
    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, related_name="further_names")
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="jobs_voicename_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.organisation_id}"


class JobStyle(models.Model):
    """A style that a job speaks in, beside or in place of its first: every one was authorised with it.

    ``weight`` is its share in the manner of text without tags; null for a style that only tagged text asks for.
    """

    job = models.ForeignKey(SynthesisJob, on_delete=models.CASCADE, related_name="further_styles")
    style = models.ForeignKey(Style, on_delete=models.PROTECT, related_name="+")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    weight = models.FloatField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "style"], name="jobs_jobstyle_once"),
            models.CheckConstraint(
                condition=Q(weight__isnull=True) | Q(weight__gt=0), name="jobs_jobstyle_weight"
            ),
        ]

    def __str__(self) -> str:
        return f"style {self.style_id} of job {self.job_id}"


class SynthesisPiece(models.Model):
    """A stretch of a streamed job's file that was released before the rest was made. Never changes.

    ``sha256`` is over everything up to its end, as is ``end_ms``. Only what pieces cover is ever sent.
    """

    job = models.ForeignKey(SynthesisJob, on_delete=models.PROTECT, related_name="pieces")
    mark = models.ForeignKey(Mark, on_delete=models.PROTECT, related_name="pieces")
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="piece")
    index = models.PositiveIntegerField()
    start_byte = models.BigIntegerField()
    end_byte = models.BigIntegerField()
    end_ms = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    released_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "index"], name="jobs_piece_once"),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="jobs_piece_hashed"),
            models.CheckConstraint(
                condition=Q(start_byte__gte=0, end_byte__gt=models.F("start_byte")),
                name="jobs_piece_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"piece {self.index} of job {self.job_id}"


class Output(models.Model):
    """A released file. Its id is the record id that its mark carries and its label names."""

    id = models.UUIDField(primary_key=True, editable=False)
    job = models.OneToOneField(SynthesisJob, on_delete=models.PROTECT, related_name="output")
    mark = models.OneToOneField(Mark, on_delete=models.PROTECT, related_name="output")
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="output")
    format = models.CharField(max_length=8)
    media_type = models.CharField(max_length=64)
    file = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    duration_ms = models.PositiveIntegerField()
    sample_rate_hz = models.PositiveIntegerField()
    is_labelled = models.BooleanField()
    # [first and last character (exclusive) of the job's text, start and end in ms] of every word; null: not measured.
    word_times = models.JSONField(null=True, blank=True)
    released_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="jobs_output_hashed"),
            models.CheckConstraint(
                condition=Q(duration_ms__gt=0, size_bytes__gt=0), name="jobs_output_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
