"""When each character of a text is spoken, from the times of its words."""

from __future__ import annotations

from collections.abc import Sequence

from synth.spoken.placing import Placed


def character_times(text: str, words: Sequence[Placed]) -> tuple[list[float], list[float]]:
    """Start and end of every character of ``text`` in seconds, in order and never backwards.

    The characters of a word share its time evenly, those between two words the pause between them; what stands before
    the first word or behind the last one takes no time.
    """
    starts: list[float] = []
    ends: list[float] = []

    def share(count: int, from_s: float, to_s: float) -> None:
        step = (max(to_s, from_s) - from_s) / max(1, count)
        starts.extend(from_s + step * index for index in range(count))
        ends.extend(from_s + step * (index + 1) for index in range(count))

    at_s = words[0].start_s if words else 0.0
    for word in words:
        begin_s = max(at_s, word.start_s)
        share(word.start - len(starts), at_s, begin_s)
        share(word.end - word.start, begin_s, word.end_s)
        at_s = max(begin_s, word.end_s)
    share(len(text) - len(starts), at_s, at_s)
    return starts, ends
