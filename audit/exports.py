"""The whole log as text (JSON Lines), for auditors who have neither this software nor this database.

First line: format, origin, verifier key. Then every leaf in order, each checkpoint right after the last
leaf that it covers, and a last line with the number of leaves. `audit.offline` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

from django.db import connections, transaction

from audit.note import Verifier, encode_base64
from audit.offline import EXPORT_FORMAT

_PAGE = 2000

_LEAVES = """
SELECT l."index", l.leaf_hash, CASE WHEN %(all)s OR e.organisation_id = %(organisation)s::uuid THEN e.body END
FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry_id
WHERE l."index" >= %(start)s AND l."index" < %(end)s ORDER BY l."index"
"""


def export_lines(
    verifier: Verifier, *, organisation_id: UUID | None = None, using: str = "default"
) -> Iterator[str]:
    """Lines of an export up to the newest published checkpoint.

    With ``organisation_id``, the entries of others are given by their hashes alone: enough to verify the
    tree, nothing to read.
    """
    yield _line(format=EXPORT_FORMAT, origin=verifier.name, vkey=verifier.vkey)
    connection = connections[using]
    size = 0
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT c.size FROM audit_checkpoint c JOIN audit_publication p ON p.size = c.size"
                       " ORDER BY c.size DESC LIMIT 1")  # fmt: skip
        row = cursor.fetchone()
        end = row[0] if row else 0
        while size < end:
            stop = min(end, size + _PAGE)
            cursor.execute(
                "SELECT size, note FROM audit_checkpoint WHERE size > %s AND size <= %s", [size, stop]
            )
            notes: dict[int, str] = dict(cursor.fetchall())
            cursor.execute(
                _LEAVES,
                {
                    "all": organisation_id is None,
                    "organisation": str(organisation_id) if organisation_id else None,
                    "start": size,
                    "end": stop,
                },
            )
            for index, leaf_hash, body in cursor.fetchall():
                shown = {} if body is None else {"body": encode_base64(bytes(body))}
                yield _line(leaf=index, hash=bytes(leaf_hash).hex(), **shown)
                if index + 1 in notes:
                    yield _line(checkpoint=notes[index + 1])
            size = stop
    yield _line(end=size)


def _line(**row: object) -> str:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n"
