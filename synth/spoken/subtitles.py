"""Words with times as lines to be read along: SubRip (SRT) and WebVTT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synth.spoken.placing import Placed

#: A line is at most so long (what one reads at a glance) and so many characters; a pause ends it too, and so does the
#: end of a sentence that is no abbreviation's.
_MOST_S, _MOST_CHARACTERS, _PAUSE_S = 6.0, 42, 0.6
_LEAST_CHARACTERS = 12
_ENDS = ".!?…。！？"


@dataclass(frozen=True)
class Line:
    text: str
    start_s: float
    end_s: float


def lines(text: str, words: Sequence[Placed]) -> list[Line]:
    """The words of ``text`` as lines, with the marks that stand between them."""
    return [
        Line(" ".join(text[start:end].split()), first.start_s, last.end_s)
        for first, last, start, end in _groups(text, words)
    ]


def _groups(text: str, words: Sequence[Placed]) -> Iterator[tuple[Placed, Placed, int, int]]:
    """First and last word of each line, and its characters: those up to the next word belong to it."""
    at = 0
    for n, word in enumerate(words):
        first = words[at]
        follows = words[n + 1] if n + 1 < len(words) else None
        end = follows.start if follows else len(text)
        if (
            follows is None
            or (_ends_sentence(text[word.end : end]) and word.end - first.start >= _LEAST_CHARACTERS)
            or follows.start_s - word.end_s > _PAUSE_S
            or follows.end_s - first.start_s > _MOST_S
            or follows.end - first.start > _MOST_CHARACTERS
        ):
            yield first, word, 0 if at == 0 else first.start, end
            at = n + 1


def _ends_sentence(between: str) -> bool:
    return any(mark in between for mark in _ENDS)


def srt(found: Sequence[Line]) -> str:
    return "\n".join(
        f"{number}\n{_clock(line.start_s, ',')} --> {_clock(line.end_s, ',')}\n{line.text}\n"
        for number, line in enumerate(found, start=1)
    )


def vtt(found: Sequence[Line]) -> str:
    cues = (
        f"{_clock(line.start_s, '.')} --> {_clock(line.end_s, '.')}\n{_escaped(line.text)}\n"
        for line in found
    )
    return "\n".join(["WEBVTT\n", *cues])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    whole = round(max(0.0, seconds) * 1000)
    hours, rest = divmod(whole, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
