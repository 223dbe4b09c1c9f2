"""Writing the log, and proving what stands in it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import rfc8785
from django.db import DEFAULT_DB_ALIAS, connections

from audit import cosigning, events, merkle, selectors
from audit.actors import Actor
from audit.models import Entry
from audit.proof import Proof
from audit.signals import entry_recorded
from audit.tree import TiledTree
from synth.common import metrics

BODY_VERSION = 1
MAX_BODY_BYTES = 65_535

_INSERT = """
INSERT INTO audit_entry (event, organisation_id, subject, body, leaf_hash, idempotency_key, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING id
"""


def record(
    *,
    event: str,
    actor: Actor,
    organisation_id: UUID | None = None,
    subject: str | None = None,
    data: Mapping[str, Any],
    idempotency_key: str | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> Entry:
    """Write one entry inside the caller's transaction; it stands or falls with the business rows.

    ``subject`` names the row that the event is about (`audit.subjects.about`). ``data`` holds identifiers,
    codes, hashes, counts and flags only (see `audit.events`). A second call with the same
    ``idempotency_key`` writes nothing and returns the first entry.

    Raises RuntimeError outside a transaction and `audit.events.BadEvent` for what may not stand in the
    log; both are mistakes in the calling code.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        raise RuntimeError(
            "audit.services.record must run inside transaction.atomic, with the rows it speaks of"
        )
    events.check(event, data)
    events.check_token("actor.id", actor.id)
    if subject is not None:
        events.check_token("subject", subject)

    now = datetime.now(UTC)
    organisation = str(organisation_id) if organisation_id else None
    body = _body(event, now, actor, organisation, subject, data)
    leaf_hash = merkle.leaf_hash(body)

    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [event, organisation, subject, body, leaf_hash, idempotency_key, now])
        row = cursor.fetchone()
    if row is None:
        return _existing(using, event, subject, idempotency_key)
    entry = Entry(
        id=row[0],
        event=event,
        organisation_id=organisation_id,
        subject=subject,
        body=body,
        leaf_hash=leaf_hash,
        idempotency_key=idempotency_key,
        created_at=now,
    )
    connection.on_commit(lambda: _count(event, data), robust=True)
    entry._state.adding = False
    entry._state.db = using
    if using == DEFAULT_DB_ALIAS:
        entry_recorded.send(sender=Entry, entry=entry, data=data)
    return entry


_count_event = metrics.counter("assent_events_total", "Entries written into the log, by event.")
_count_verdict = metrics.counter("assent_verdicts_total", "Files checked, by verdict.")
_count_gate = metrics.counter("assent_gates_total", "Gates of recordings, by outcome.")


def _count(event: str, data: Mapping[str, Any]) -> None:
    _count_event(event=event)
    if isinstance(verdict := data.get("verdict"), str):
        _count_verdict(verdict=verdict)
    gates = data.get("gates")
    for gate, outcome in gates.items() if isinstance(gates, Mapping) else ():
        _count_gate(gate=str(gate), outcome=str(outcome))


def _body(
    event: str,
    now: datetime,
    actor: Actor,
    organisation: str | None,
    subject: str | None,
    data: Mapping[str, Any],
) -> bytes:
    """The canonical bytes of an entry, which its leaf hash is of."""
    body = rfc8785.dumps(
        {
            "v": BODY_VERSION,
            "event": event,
            "time": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "actor": {"kind": actor.kind, "id": actor.id},
            "organisation": organisation,
            "subject": subject,
            "data": dict(data),
            # Leaf hashes are public: without a secret part, a guessed body could be confirmed by its hash.
            "nonce": secrets.token_hex(16),
        }
    )
    if len(body) > MAX_BODY_BYTES:
        raise events.BadEvent(f"{event}: {len(body)} bytes, at most {MAX_BODY_BYTES}: log a hash instead")
    return body


def _existing(using: str, event: str, subject: str | None, idempotency_key: str | None) -> Entry:
    entry = Entry.objects.using(using).get(idempotency_key=idempotency_key)
    if (entry.event, entry.subject) != (event, subject):
        raise events.BadEvent(
            f"idempotency key {idempotency_key!r} already names {entry.event} of {entry.subject}"
        )
    return entry


def proof_for(entry: Entry, *, using: str = DEFAULT_DB_ALIAS) -> Proof | None:
    """The proof of ``entry`` under a published checkpoint; None until one reaches it."""
    leaf = selectors.leaf_of(entry, using)
    checkpoint = None if leaf is None else cosigning.checkpoint_for(leaf.index, using)
    if leaf is None or checkpoint is None:
        return None
    path = merkle.inclusion_proof(leaf.index, checkpoint.size, TiledTree(using).node)
    return Proof(bytes(entry.body), leaf.index, tuple(path), cosigning.with_cosignatures(checkpoint))


def new_salt() -> bytes:
    """32 random bytes for `commitment`. Keep them beside the text, and destroy them with it."""
    return secrets.token_bytes(32)


def commitment(value: str, *, salt: bytes) -> str:
    """Keyed SHA-256 of a text (64 hexadecimal digits), for logging a text without revealing it.

    HMAC over the NFC form. With the salt the text can be proved to be the one that was logged; once the
    salt is destroyed the commitment says nothing, however guessable the text. ``salt``: 16 bytes or more.
    """
    if len(salt) < 16:
        raise ValueError("the salt of a commitment has 16 bytes or more")
    return hmac.new(salt, unicodedata.normalize("NFC", value).encode(), hashlib.sha256).hexdigest()
