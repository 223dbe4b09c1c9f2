"""The notice that is heard: that this is synthetic speech, in words or as a rhythm; at the beginning, and perhaps in
the middle and at the end. It is a part of the passage like any other, so it is marked, measured and streamed with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from synth.engines.base import ReferenceClip
from synth.engines.sentences import split_sentences
from synth.errors import AssentError
from synth.speech import rhythm
from synth.speech.assembly import Part
from synth.speech.wording import BEGINNING, END, MIDDLE, NONE, RHYTHM, SPOKEN

_PAUSE_S = 0.5
_EDGE_S = 0.5  # so near to the beginning or the end of the file a notice is at its place


@dataclass(frozen=True)
class Notice:
    """``kind``: one of `wording.KINDS`; ``places``: of `wording.PLACES`; ``text``: what is said, for a spoken one."""

    kind: str = NONE
    places: tuple[str, ...] = (BEGINNING,)
    text: str = ""

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Notice:
        """What a job keeps; nothing kept is no notice."""
        return cls(kept.get("kind", NONE), tuple(kept.get("places", ())), kept.get("text", ""))


def with_notice(parts: Sequence[Part], notice: Notice, *, lead: ReferenceClip, speed: float) -> list[Part]:
    """The parts of a passage with those of its notice. A text of one sentence has no middle."""
    if notice.kind == NONE:
        return list(parts)
    sign = Part(
        text=notice.text if notice.kind == SPOKEN else "",
        style_name="",
        clip=lead if notice.kind == SPOKEN else None,
        rate=1 / speed,  # whoever hurries the text does not hurry the notice
        pause_s=_PAUSE_S,
        is_notice=True,
    )
    said = _in_the_middle(list(parts), sign) if MIDDLE in notice.places else list(parts)
    if END in notice.places:
        said = [*said[:-1], replace(said[-1], pause_s=_PAUSE_S), replace(sign, pause_s=0.0)]
    return [sign, *said] if BEGINNING in notice.places else said


def refuse_unheard(notice: Notice, samples: npt.NDArray[Any], sample_rate_hz: int) -> None:
    """AssentError ``notice_failed`` unless the rhythm of a notice is found again in finished samples (n,).

    A spoken notice is not listened to: it is a part that the engine spoke like any other.
    """
    if notice.kind != RHYTHM:
        return
    starts = [found.start_s for found in rhythm.find(samples, sample_rate_hz)]
    length_s = len(samples) / sample_rate_hz
    heard = {
        BEGINNING: any(start < _EDGE_S for start in starts),
        END: any(start + rhythm.DURATION_S > length_s - _EDGE_S for start in starts),
    }
    missing = [place for place in notice.places if not heard.get(place, True)]
    if missing:
        raise AssentError(
            "notice_failed",
            "The notice could not be found again in the finished sound, so it is not released.",
            measured=starts,
            limit=missing,
            http_status=500,
        )


def _in_the_middle(parts: list[Part], sign: Part) -> list[Part]:
    """The sign between the two sentences, or parts, nearest to the middle of the text."""
    whole = sum(len(part.text) for part in parts)
    best: tuple[float, int, str, str] | None = None
    before = 0
    for index, part in enumerate(parts):
        for head, tail in _cuts(part.text):
            if not 0 < before + len(head) < whole:
                continue
            distance = abs(before + len(head) - whole / 2)
            if best is None or distance < best[0]:
                best = (distance, index, head, tail)
        before += len(part.text)
    if best is None:
        return parts
    _distance, index, head, tail = best
    part = parts[index]
    if not head:
        return [*parts[:index], sign, *parts[index:]]
    first = replace(part, text=head, pause_s=_PAUSE_S)
    return [*parts[:index], first, sign, replace(part, text=tail), *parts[index + 1 :]]


def _cuts(text: str) -> list[tuple[str, str]]:
    """The ways to cut a text into two: before it, and between its sentences as an engine cuts them."""
    ways, at = [("", text)], 0
    for sentence in split_sentences(text)[1:]:
        at = text.find(sentence.split(" ")[0], at + 1)
        if at < 0:
            break
        if text[:at].rstrip()[-1:] in ".!?。！？…；;":
            ways.append((text[:at], text[at:]))
    return ways
