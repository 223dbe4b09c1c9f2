"""The registry of marks and the queries put to it.

A `Mark` holds every public fact that a verdict may state about a released file; it is written once when it
is reserved and completed once when the file is released. Nothing else here knows what was said.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.consent.models import Consent
from accounts.people.models import Organisation
from audit.models import Entry
from synth.common.ids import new_id

RECORD_NUMBER_LIMIT = 1 << 40
"""The mark's payload has 40 bits for the record number."""


class MarkEpoch(models.Model):
    """A period under one epoch key. Rotated by command and by the amount of audio marked.

    Averaging many files of one key would in the end reveal its pattern, so no key marks much audio.
    Old epochs stay readable: their keys derive from the master key and the epoch's name.
    """

    name = models.CharField(max_length=32, primary_key=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    marked_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            # One open epoch: a constant expression under a partial unique index.
            models.UniqueConstraint(
                models.Value(1), condition=Q(closed_at__isnull=True), name="watermark_one_open_epoch"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MasterKey(models.Model):
    """By which the master key is known again when the data folder was lost: one row, a one-way check value."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    check_value = models.CharField(max_length=16)
    since = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="watermark_one_master_key")]

    def __str__(self) -> str:
        return self.check_value


class Mark(models.Model):
    """One record number, reserved before marking and issued with the released file."""

    class State(models.TextChoices):
        RESERVED = "reserved"
        STREAMING = "streaming"
        """Its first piece has left: what was released so far is known, and grows."""
        ISSUED = "issued"
        TAKEN_DOWN = "taken_down"

    record_number = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(unique=True, default=new_id, editable=False)
    epoch = models.ForeignKey(MarkEpoch, on_delete=models.PROTECT)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="marks")
    organisation_name = models.CharField(max_length=200)
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="marks")
    engine_name = models.CharField(max_length=64)
    engine_version = models.CharField(max_length=64)
    is_preview = models.BooleanField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.RESERVED)
    reserved_at = models.DateTimeField(auto_now_add=True)
    issued_at = models.DateTimeField(null=True, blank=True)
    taken_down_at = models.DateTimeField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    file_sha256 = models.CharField(max_length=64, blank=True)
    fingerprint = models.BinaryField(null=True, blank=True)
    # Null only in records from before it was kept; the database asks for it at every release.
    reference = models.BinaryField(null=True, blank=True)
    manifest = models.BinaryField(null=True, blank=True)
    """Content Credentials (a C2PA manifest store); null for files released before there were any."""
    layers = models.JSONField(default=list)
    ended_by = models.CharField(max_length=16, blank=True, default="")
    """Who ended a stream before its last word: ``owner``, ``caller`` or ``failure``; empty for whole files."""
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, null=True, blank=True, related_name="mark")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(record_number__gte=1, record_number__lt=RECORD_NUMBER_LIMIT),
                name="watermark_mark_number_fits_payload",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["reserved", "streaming", "issued", "taken_down"]),
                name="watermark_mark_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state="reserved")
                | Q(
                    issued_at__isnull=False,
                    entry__isnull=False,
                    fingerprint__isnull=False,
                    duration_ms__isnull=False,
                )
                & ~Q(file_sha256=""),
                name="watermark_mark_issued_with_its_entry",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class Naming(models.Model):
    """That a verdict named a record. Stays when the answer is deleted: how often was asked is for the ledger."""

    mark = models.ForeignKey(Mark, on_delete=models.PROTECT, related_name="namings")
    verification_id = models.UUIDField()
    asked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mark", "verification_id"], name="watermark_naming_once"),
        ]

    def __str__(self) -> str:
        return f"record {self.mark_id} in {self.verification_id}"


class VerificationBatch(models.Model):
    """Several files that one caller asked about together; each is a query of its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation_id = models.UUIDField()
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["organisation_id", "created_at"], name="watermark_batch_newest")]

    def __str__(self) -> str:
        return str(self.id)


class Verification(models.Model):
    """One query: a file that somebody asked about, and the answer. The file itself is not kept.

    ``document`` is the answer as it is signed and as the log commits to it: written once, with the report.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Lane(models.TextChoices):
        """Who waits for whom: one query of each lane runs at a time, so that no kind holds up the others."""

        PUBLIC = "public"
        SMALL = "small"
        LARGE = "large"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    upload_name = models.CharField(max_length=200, blank=True)
    file_sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    deep = models.BooleanField(default=False)
    quick = models.BooleanField(default=False)
    # The asker wants their organisation's programs told when it is answered.
    tell_webhooks = models.BooleanField(default=False)
    lane = models.CharField(max_length=8, choices=Lane.choices, default=Lane.PUBLIC)
    batch = models.ForeignKey(
        VerificationBatch, on_delete=models.CASCADE, null=True, blank=True, related_name="queries"
    )
    file_name = models.CharField(max_length=120, blank=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    organisation_id = models.UUIDField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress = models.FloatField(default=0.0)
    stage = models.CharField(max_length=24, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    report = models.JSONField(null=True, blank=True)
    document = models.JSONField(null=True, blank=True)
    heard = models.JSONField(null=True, blank=True)
    """Words heard around what is not as released, ``[text, start_ms, end_ms]``, with the blanks between them: for the
    organisation that asked about records of its own. Null where nobody listened."""
    error = models.JSONField(null=True, blank=True)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["state", "created_at"], name="watermark_verif_waiting"),
            models.Index(fields=["lane", "state"], name="watermark_verif_lane"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "done", "failed", "cancelled"]),
                name="watermark_verification_state_known",
            ),
            models.CheckConstraint(
                condition=Q(lane__in=["public", "small", "large"]), name="watermark_verification_lane_known"
            ),
            # No answer without its entry in the log.
            models.CheckConstraint(
                condition=~Q(state="done") | Q(report__isnull=False, entry__isnull=False),
                name="watermark_answer_has_its_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"

    @property
    def has_ended(self) -> bool:
        return self.state in (self.State.DONE, self.State.FAILED, self.State.CANCELLED)
