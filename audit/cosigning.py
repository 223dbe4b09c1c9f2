"""The log's side of its witnesses: new checkpoints are sent to them, and what they sign is kept and shown.

A checkpoint that machines of several people cosigned cannot be shown to one reader and hidden from another unless all
of them agree to it. Protocol: c2sp.org/tlog-witness. The proofs that are given out are under the newest checkpoint
that enough of them signed, where it reaches the entry.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Count, Max, Q

from audit import merkle, selectors
from audit.models import Checkpoint, Cosignature
from audit.note import MAX_SIGNATURES, NoteError, WitnessVerifier, parse_number, witnesses_of
from audit.proof import Growth
from audit.tree import TiledTree

logger = logging.getLogger(__name__)
_TIMEOUT_S, _WHOLE_S = 10.0, 30.0
_asking = threading.Lock()
_MOST_BYTES = 16 * 1024
_SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True)
class Witnessing:
    """One of the witnesses of the settings."""

    verifier: WitnessVerifier
    url: str


class BadWitnesses(ValueError):
    """ASSENT_WITNESSES or ASSENT_WITNESS_QUORUM cannot be used; the sentence says why."""


def configured() -> list[Witnessing]:
    """The witnesses of ASSENT_WITNESSES: ``vkey url``, divided by commas. Raises `BadWitnesses`."""
    found: list[Witnessing] = []
    for row in filter(None, (part.strip() for part in settings.ASSENT_WITNESSES.split(","))):
        vkey, _, url = row.partition(" ")
        try:
            verifier = WitnessVerifier.from_vkey(vkey)
        except NoteError as error:
            raise BadWitnesses(f"ASSENT_WITNESSES: {vkey[:60]!r}: {error}.") from None
        if not url.strip().startswith(("https://", "http://")):
            raise BadWitnesses(f"ASSENT_WITNESSES: {verifier.name} has no address beside its key.")
        found.append(Witnessing(verifier, url.strip().rstrip("/")))
    if len({one.verifier.name for one in found}) != len(found):
        raise BadWitnesses("ASSENT_WITNESSES names one witness twice.")
    if not 0 <= settings.ASSENT_WITNESS_QUORUM <= len(found):
        raise BadWitnesses(
            f"ASSENT_WITNESS_QUORUM is {settings.ASSENT_WITNESS_QUORUM}, of {len(found)} witnesses."
        )
    return found


def ask_all() -> int:
    """Send the newest published checkpoint to every witness that has not signed it; how many signed now.

    One that does not answer, or refuses, is noted in the process's log and asked again the next time.
    """
    newest = selectors.published_checkpoint()
    # One round at a time in a process: a slow witness holds one thread of its worker and no more.
    if newest is None or not _asking.acquire(blocking=False):
        return 0
    try:
        signed = set(newest.cosignatures.values_list("witness", flat=True))
        return sum(_ask(one, newest) for one in configured() if one.verifier.name not in signed)
    finally:
        _asking.release()


def _ask(witness: Witnessing, newest: Checkpoint) -> bool:
    name = witness.verifier.name
    seen = Cosignature.objects.filter(witness=name).aggregate(size=Max("checkpoint_id"))["size"] or 0
    try:
        status, media_type, body = _post(witness.url, _growth(seen, newest))
        if status == 409 and media_type.startswith(_SIZE_TYPE):
            # It saw another size last: what it signed was lost here, or it began anew.
            seen = parse_number(body.strip())
            if seen > newest.size:
                raise NoteError(f"it saw {seen} entries, the log has {newest.size}")
            status, media_type, body = _post(witness.url, _growth(seen, newest))
        if status != 200:
            raise NoteError(f"it answered {status}: {body.strip()[:200]}")
        own = _signed_line(newest.note, body, witness.verifier)
    except (OSError, http.client.HTTPException, ValueError) as error:  # NoteError is a ValueError
        logger.warning("witness %s did not cosign checkpoint %s: %s", name, newest.size, error)
        return False
    _, created = Cosignature.objects.get_or_create(checkpoint=newest, witness=name, defaults={"lines": own})
    return created


def _signed_line(note: str, body: str, verifier: WitnessVerifier) -> str:
    """The first line of an answer that is this witness's cosignature of ``note``; nothing else of it is kept. Raises
    `NoteError`."""
    for line in body.split("\n")[:MAX_SIGNATURES]:
        if line.startswith(f"— {verifier.name} "):
            with contextlib.suppress(NoteError):
                if witnesses_of(f"{note}{line}\n", [verifier]):
                    return f"{line}\n"
    raise NoteError("its answer bears no signature of its own")


def _growth(old_size: int, newest: Checkpoint) -> str:
    path = merkle.consistency_proof(old_size, newest.size, TiledTree().node) if old_size else []
    return Growth(old_size, tuple(path), newest.note).as_text()


def _post(url: str, body: str) -> tuple[int, str, str]:
    """Status, media type and text of a witness's answer, all within half a minute. OSError where there is none."""
    found: list[tuple[int, str, str] | Exception] = []

    def exchange() -> None:
        try:
            found.append(_exchanged(url, body))
        except (OSError, http.client.HTTPException, ValueError) as error:
            found.append(error)

    # The time limit of a socket is for each of its reads: a byte now and then would hold a thread of the worker.
    thread = threading.Thread(target=exchange, name="witness", daemon=True)
    thread.start()
    thread.join(_WHOLE_S)
    if not found:
        raise TimeoutError("it did not answer in time")
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def _exchanged(url: str, body: str) -> tuple[int, str, str]:
    request = urllib.request.Request(f"{url}/add-checkpoint", data=body.encode(), method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the operator names it
            return answer.status, answer.headers.get("Content-Type", ""), _text(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Content-Type", ""), _text(error.read(_MOST_BYTES))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def with_cosignatures(checkpoint: Checkpoint) -> str:
    """The note with what witnesses signed beneath it; readers pass over signatures of whom they do not know."""
    lines = checkpoint.cosignatures.order_by("witness").values_list("lines", flat=True)
    return checkpoint.note + "".join(lines)


def checkpoint_for(leaf_index: int, using: str = DEFAULT_DB_ALIAS) -> Checkpoint | None:
    """The checkpoint that a proof of this leaf is given under: the newest that a quorum signed and that reaches it,
    else the newest; None while none reaches it."""
    newest = selectors.published_checkpoint(using)
    if newest is None or leaf_index >= newest.size:
        return None
    quorum = settings.ASSENT_WITNESS_QUORUM
    if not quorum:
        return newest
    rows = Checkpoint.objects.using(using).filter(publication__isnull=False, size__gt=leaf_index)
    # Only whom the settings name: others may have been taken out for a reason.
    names = [one.verifier.name for one in configured()]
    counted = Count("cosignatures", filter=Q(cosignatures__witness__in=names))
    signed = rows.annotate(witnesses=counted).filter(witnesses__gte=quorum)
    return signed.order_by("-size").first() or newest


def standing() -> Iterable[tuple[str, Cosignature | None]]:
    """Each configured witness and the last checkpoint that it signed."""
    for one in configured():
        rows = Cosignature.objects.filter(witness=one.verifier.name).select_related("checkpoint")
        yield one.verifier.name, rows.order_by("-checkpoint_id").first()
