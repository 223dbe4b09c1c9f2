"""CBOR (RFC 8949) as strangers' manifests hold it, read by cbor2 within bounds, and without what its tags may do.

A tag would have cbor2 build dates, patterns, big numbers or shared references out of a stranger's bytes: here it is
dropped, and what it stands before is taken as it is. Map keys that are no text are dropped too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any

import cbor2

from synth.provenance.errors import bad_container

MAX_BYTES = 1 << 20
"""Of one item: the claims of real manifests have some kilobytes. A million empty maps take 80 MiB of memory."""
_MAX_DEPTH = 24


class _TagsDropped(Mapping[int, Callable[[Any, bool], Any]]):
    """The decoder of every tag there is: its value as it stands."""

    def __getitem__(self, tag: int) -> Callable[[Any, bool], Any]:
        return lambda value, immutable: value

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _text_keys(members: Mapping[Any, Any], immutable: bool) -> dict[str, Any]:
    return {key: value for key, value in members.items() if isinstance(key, str)}


def loads(data: bytes) -> Any:
    """The first item in ``data``. Raises LabelError for anything malformed, cut off, too deep or too long, and for a
    map that says one key twice."""
    if len(data) > MAX_BYTES:
        raise bad_container("its CBOR is too long")
    decoder = cbor2.CBORDecoder(
        BytesIO(data),
        semantic_decoders=_TagsDropped(),
        object_hook=_text_keys,
        str_errors="replace",
        max_depth=_MAX_DEPTH,
        allow_duplicate_keys=False,
    )
    try:
        return decoder.decode()
    except cbor2.CBORError as error:
        raise bad_container("its CBOR is malformed, cut off or nested too deeply") from error
