"""A project is a script whose lines are spoken one by one. What is spoken are jobs; here stands which, and when.

A line names the job of its latest take. Earlier takes are released files like any other: on record, in reports of use.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.people.models import ApiKey, Organisation
from accounts.voices.models import Voice
from audit.models import Entry
from synth.common.ids import new_id
from synth.jobs.models import Output, SynthesisJob

TRACK_FORMATS = ("wav", "flac")


class LineState(models.TextChoices):
    WAITING = "waiting"
    SPEAKING = "speaking"
    """Claimed by the feeder: it has a job, or is about to get one."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Project(models.Model):
    """A script of an organisation, with what holds for every line that says nothing else.

    ``slug`` is what its jobs and reports of use call it. ``warnings`` are what was left out of the script, and where.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=120)
    slug = models.CharField(max_length=64)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    style = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=8, blank=True)
    purpose = models.CharField(max_length=40)
    speed = models.FloatField(default=1.0)
    format = models.CharField(max_length=8)
    warnings = models.JSONField(default=list, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "slug"], name="projects_project_slug"),
            models.CheckConstraint(
                condition=Q(slug__regex="^[A-Za-z0-9._-]{1,64}$"), name="projects_project_slug_fits"
            ),
        ]

    def __str__(self) -> str:
        return f"project {self.slug}"


class Line(models.Model):
    """One line of a script. Null or empty: as the project says.

    ``take`` counts how often it is to be spoken: it names the job, so that one take is never two jobs. ``fit_speed`` is
    the speed of a second take that is to fit its slot. ``spoken_ms`` is how long its words are heard, and
    ``too_long_by_ms`` by how much that is too long.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="lines")
    number = models.PositiveIntegerField()
    text = models.TextField()
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    style = models.CharField(max_length=40, blank=True)
    speed = models.FloatField(null=True, blank=True)
    begin_ms = models.PositiveIntegerField(null=True, blank=True)
    end_ms = models.PositiveIntegerField(null=True, blank=True)
    overlaps = models.BooleanField(default=False)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    state = models.CharField(max_length=10, choices=LineState.choices, default=LineState.WAITING)
    take = models.PositiveIntegerField(default=1)
    job = models.OneToOneField(
        SynthesisJob, on_delete=models.PROTECT, null=True, blank=True, related_name="project_line"
    )
    fit_speed = models.FloatField(null=True, blank=True)
    spoken_ms = models.PositiveIntegerField(null=True, blank=True)
    too_long_by_ms = models.PositiveIntegerField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "state"], name="projects_line_state"),
            # What the clock looks for every few seconds, however many lines are long done.
            models.Index(
                fields=["project"], condition=Q(state__in=["waiting", "speaking"]), name="projects_line_open"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="projects_line_number"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "speaking", "done", "failed", "cancelled"]),
                name="projects_line_state_known",
            ),
            models.CheckConstraint(
                condition=Q(end_ms__isnull=True) | Q(begin_ms__isnull=False, end_ms__gt=F("begin_ms")),
                name="projects_line_slot",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(job__isnull=False), name="projects_line_done_has_job"
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.number} of {self.project_id}"

    @property
    def slot_ms(self) -> int | None:
        """How long the line may last; None where nothing is said of its end."""
        return None if self.begin_ms is None or self.end_ms is None else self.end_ms - self.begin_ms


class TrackState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    REMOVED = "removed"
    """Its file is gone: a line in it may no longer be served."""


class Track(models.Model):
    """The lines of a project in one file, each at its time: released sound and silence, nothing else.

    A file that can be served has its entry, whose hash is the file's.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="tracks")
    format = models.CharField(max_length=8)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=8, choices=TrackState.choices, default=TrackState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    file = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(default=0)
    sample_rate_hz = models.PositiveIntegerField(default=0)
    error = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "ready", "failed", "removed"]),
                name="projects_track_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="ready")
                | Q(entry__isnull=False, sha256__regex="^[0-9a-f]{64}$") & ~Q(file=""),
                name="projects_track_is_logged",
            ),
            models.CheckConstraint(
                condition=Q(file="") | Q(state="ready"), name="projects_track_file_is_ready"
            ),
            models.CheckConstraint(condition=Q(format__in=TRACK_FORMATS), name="projects_track_format_known"),
        ]

    def __str__(self) -> str:
        return f"track {self.id} {self.state}"


class TrackLine(models.Model):
    """A released file in a track, and the place of its first sample."""

    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="+")
    start_ms = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["track", "number"], name="projects_trackline_once")]

    def __str__(self) -> str:
        return f"line {self.number} of track {self.track_id}"
