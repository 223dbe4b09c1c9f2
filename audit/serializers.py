"""Shapes of the log's API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.events import EVENTS
from audit.models import Entry


class EntrySerializer(serializers.Serializer[Entry]):
    """An entry as its readers see it. ``body`` is the logged JSON; its canonical bytes give ``leaf_hash``."""

    id = serializers.IntegerField(read_only=True, help_text="Its number, from 1.")
    event = serializers.CharField(read_only=True)
    sentence = serializers.SerializerMethodField(help_text="What happened, in English.")
    subject = serializers.CharField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)
    leaf_hash = serializers.CharField(source="leaf_hash_hex", read_only=True)
    index = serializers.SerializerMethodField(
        help_text="Its leaf in the tree, counted from 0; null until it is sequenced."
    )
    body = serializers.JSONField(source="content", read_only=True)

    def get_sentence(self, entry: Entry) -> str:
        event = EVENTS.get(entry.event)
        return event.sentence_en if event else entry.event

    def get_index(self, entry: Entry) -> int | None:
        leaf: Any = getattr(entry, "leaf", None)
        return None if leaf is None else leaf.index


class EntryPageSerializer(serializers.Serializer[Any]):
    """Entries, newest first. ``next`` is the value of ``before`` for the following page, or null."""

    entries = EntrySerializer(many=True, read_only=True)
    next = serializers.IntegerField(read_only=True, allow_null=True)


class EntryQuerySerializer(serializers.Serializer[Any]):
    """What a list of entries may be narrowed by."""

    event = serializers.ChoiceField(choices=sorted(EVENTS), required=False)
    subject = serializers.CharField(max_length=200, required=False, help_text="For example job:<id>.")
    before = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)


class PendingProofSerializer(serializers.Serializer[Any]):
    """Answer while the entry is committed but not yet in the signed tree (usually under a second)."""

    state = serializers.CharField(read_only=True)
    leaf_hash = serializers.CharField(read_only=True)
