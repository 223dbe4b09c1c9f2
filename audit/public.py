"""The public face of the log (c2sp.org/tlog-tiles): checkpoint, tiles of hashes, verifier key.

Hashes are public, entries are not: they name organisations' voices and jobs. ``tile/entries`` is therefore
refused; whoever may read an entry gets it inside its proof.
"""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from audit import cosigning, keys, merkle, selectors
from audit.merkle import TILE_HEIGHT, TILE_WIDTH
from audit.note import NoteError, parse_number
from audit.proof import Growth
from audit.tree import StoredTree, TiledTree
from synth.common.http import error_response
from synth.errors import AssentError, Forbidden, NotFound

_TILE = re.compile(
    r"(?P<level>0|[1-9][0-9]?)/(?P<number>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?\Z",
    re.ASCII,
)
_MAX_NUMBER_CHARS = 40


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest published checkpoint, as a signed note; with what witnesses signed by now."""
    newest = selectors.published_checkpoint()
    if newest is None:
        return error_response(NotFound("log_is_empty", "The log has no checkpoint yet."), request)
    return _public(cosigning.with_cosignatures(newest).encode(), "text/plain; charset=utf-8", "no-cache")


@require_safe
def vkey(request: HttpRequest) -> HttpResponse:
    """The key that checkpoints verify with. Compare it with one you got elsewhere."""
    try:
        key = keys.verifier().vkey
    except AssentError as error:
        return error_response(error, request)
    return _public(f"{key}\n".encode(), "text/plain; charset=utf-8", "no-cache")


@require_safe
def vkeys(request: HttpRequest) -> HttpResponse:
    """Every key that this log had, one a line, the oldest first."""
    try:
        lines = "".join(f"{key.vkey}\n" for key in keys.verifiers())
    except AssentError as error:
        return error_response(error, request)
    return _public(lines.encode(), "text/plain; charset=utf-8", "no-cache")


@require_safe
def growth(request: HttpRequest, old_size: str) -> HttpResponse:
    """Proof that the newest checkpoint's log begins with its first ``old_size`` entries (c2sp.org/tlog-witness)."""
    try:
        return _public(_growth(old_size).encode(), "text/plain; charset=utf-8", "no-cache")
    except AssentError as error:
        return error_response(error, request)


def _growth(old_size: str) -> str:
    newest = selectors.published_checkpoint()
    if newest is None:
        raise NotFound("log_is_empty", "The log has no checkpoint yet.")
    try:
        size = parse_number(old_size)
    except NoteError:
        size = -1
    if not 0 <= size <= newest.size:
        raise NotFound(
            "checkpoint_not_found", "The log does not reach that far yet.", measured=old_size[:20],
            limit=newest.size,
        )  # fmt: skip
    path = merkle.consistency_proof(size, newest.size, TiledTree().node)
    return Growth(size, tuple(path), cosigning.with_cosignatures(newest)).as_text()


@require_safe
def tile(request: HttpRequest, path: str) -> HttpResponse:
    """One tile of hashes, full or partial, as far as the newest published checkpoint reaches."""
    try:
        return _public(_tile(path), "application/octet-stream", "public, max-age=31536000, immutable")
    except AssentError as error:
        return error_response(error, request)


def _tile(path: str) -> bytes:
    if path.startswith("entries/"):
        raise Forbidden("entries_not_public", "Entries are given out one by one, to those who may read them.")
    match = _TILE.match(path) if len(path) <= _MAX_NUMBER_CHARS else None
    if match is None:
        raise NotFound("tile_not_found", "This is not the path of a tile.")
    level, width = int(match["level"]), int(match["width"] or TILE_WIDTH)
    number = int(match["number"].replace("x", "").replace("/", ""))
    if tile_path(number) != match["number"] or (match["width"] and width >= TILE_WIDTH):
        raise NotFound("tile_not_found", "This is not the path of a tile.")
    newest = selectors.published_checkpoint()
    available = (newest.size if newest else 0) >> (TILE_HEIGHT * level)
    if number * TILE_WIDTH + width > available:
        raise NotFound("tile_not_found", "The log does not reach that far yet.")
    return StoredTree().tile(level, number, width)


def tile_path(number: int) -> str:
    """``1234067`` as ``x001/x234/067``: the form that tile numbers take in paths."""
    groups = [number % 1000]
    while number := number // 1000:
        groups.append(number % 1000)
    *upper, last = reversed(groups)
    return "".join(f"x{group:03}/" for group in upper) + f"{last:03}"


def _public(body: bytes, content_type: str, cache: str) -> HttpResponse:
    # Read by verifiers of any origin: nothing here depends on who asks.
    headers = {"Cache-Control": cache, "Access-Control-Allow-Origin": "*"}
    return HttpResponse(body, content_type=content_type, headers=headers)
