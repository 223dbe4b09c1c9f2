"""Rows of the log. All but the queue are insert-only, held so by triggers (see the first migration).

entry        what happened: canonical bytes and their leaf hash, written in the business transaction
pending      entries not yet in the tree (filled by a trigger, emptied by the sequencer)
leaf         position of an entry in the tree
tile         256 hashes of the tree, once all 256 are known
checkpoint   size, root, compact range and signed note of the tree after one batch
publication  checkpoints whose external copy is safe: only these are shown to anybody
"""

from __future__ import annotations

import json
from typing import Any

from django.db import models


class Entry(models.Model):
    """One event. ``body`` (RFC 8785 JSON) is the truth; the other columns repeat parts of it for search."""

    id = models.BigAutoField(primary_key=True)
    event = models.TextField()
    organisation_id = models.UUIDField(null=True)
    subject = models.TextField(null=True)  # noqa: DJ001  absent is not the same as empty
    body = models.BinaryField()
    leaf_hash = models.BinaryField()
    idempotency_key = models.TextField(null=True, unique=True)  # noqa: DJ001
    created_at = models.DateTimeField()

    class Meta:
        db_table = "audit_entry"
        indexes = [
            models.Index(fields=["organisation_id", "id"], name="audit_entry_organisation"),
            models.Index(fields=["subject", "id"], name="audit_entry_subject"),
            models.Index(fields=["event", "id"], name="audit_entry_event"),
        ]

    def __str__(self) -> str:
        return f"{self.event} #{self.pk}"

    @property
    def content(self) -> dict[str, Any]:
        """The body, parsed."""
        return json.loads(bytes(self.body))

    @property
    def leaf_hash_hex(self) -> str:
        return bytes(self.leaf_hash).hex()


class Pending(models.Model):
    """Queue of the sequencer. Only the trigger on `Entry` inserts; only the sequencer deletes."""

    entry = models.OneToOneField(Entry, on_delete=models.DO_NOTHING, primary_key=True, related_name="+")

    class Meta:
        db_table = "audit_pending"

    def __str__(self) -> str:
        return f"pending #{self.pk}"


class Leaf(models.Model):
    """The place of an entry in the tree, counted from 0."""

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.DO_NOTHING, related_name="leaf")
    leaf_hash = models.BinaryField()

    class Meta:
        db_table = "audit_leaf"

    def __str__(self) -> str:
        return f"leaf {self.pk}"


class Tile(models.Model):
    """256 adjacent hashes at tree height 8 x ``level``, and the root over them."""

    pk = models.CompositePrimaryKey("level", "number")
    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    hashes = models.BinaryField()
    root = models.BinaryField()

    class Meta:
        db_table = "audit_tile"

    def __str__(self) -> str:
        return f"tile {self.level}/{self.number}"


class Checkpoint(models.Model):
    """The signed tree head after a batch. ``range_hashes`` lets the next batch extend it."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    range_hashes = models.BinaryField()
    note = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "audit_checkpoint"

    def __str__(self) -> str:
        return f"checkpoint {self.pk}"


class Publication(models.Model):
    """Says that the checkpoint's copy outside the database is on disk; written after it, never before."""

    checkpoint = models.OneToOneField(
        Checkpoint,
        on_delete=models.DO_NOTHING,
        primary_key=True,
        db_column="size",
        related_name="publication",
    )
    created_at = models.DateTimeField()

    class Meta:
        db_table = "audit_publication"

    def __str__(self) -> str:
        return f"publication {self.pk}"


class Cosignature(models.Model):
    """What a witness signed beneath a checkpoint. It proves itself: whoever has the witness's key can check it."""

    checkpoint = models.ForeignKey(
        Checkpoint, on_delete=models.DO_NOTHING, db_column="size", related_name="cosignatures"
    )
    witness = models.CharField(max_length=200)
    lines = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "audit_cosignature"
        constraints = [
            models.UniqueConstraint(fields=["checkpoint", "witness"], name="audit_cosigned_once"),
        ]

    def __str__(self) -> str:
        return f"{self.witness} over checkpoint {self.checkpoint_id}"
