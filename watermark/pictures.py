"""The map of a file as shapes for a picture on paper: a wave and, below it, what was found where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from watermark.wording import INTERVALS

WIDTH, WAVE_HEIGHT, ROW_HEIGHT = 1000.0, 90.0, 22.0


@dataclass(frozen=True)
class Shape:
    """One stretch, in the units of the picture."""

    x: str
    width: str
    y: str
    kind: str
    label: str


@dataclass(frozen=True)
class Picture:
    """``wave``: points of a polygon. ``ticks``: (x, seconds)."""

    height: str
    wave: str
    shapes: tuple[Shape, ...]
    ticks: tuple[tuple[str, str], ...]


def map_of(said: dict[str, Any], peaks: Sequence[float]) -> Picture:
    """The picture of a signed report and of the peaks that were measured with it."""
    duration_ms = max(1, said["file"]["duration_ms"] or 1)
    channels = sorted({one["channel"] for one in said["map"] if one["channel"] is not None})
    rows = max(1, len(channels))
    shapes = tuple(_shape(one, duration_ms, channels) for one in said["map"])
    return Picture(
        height=_number(WAVE_HEIGHT + rows * ROW_HEIGHT + 18),
        wave=_polygon(peaks),
        shapes=shapes,
        ticks=tuple((_number(WIDTH * k / 10), _clock(duration_ms * k / 10_000)) for k in range(0, 11, 2)),
    )


def _shape(one: dict[str, Any], duration_ms: int, channels: list[int]) -> Shape:
    label, kind = INTERVALS[one["kind"]]
    row = channels.index(one["channel"]) if one["channel"] in channels else 0
    x = WIDTH * one["start_ms"] / duration_ms
    return Shape(
        x=_number(x),
        width=_number(max(2.0, WIDTH * one["end_ms"] / duration_ms - x)),
        y=_number(WAVE_HEIGHT + row * ROW_HEIGHT),
        kind=kind,
        label=str(label),
    )


def _polygon(peaks: Sequence[float]) -> str:
    if not peaks:
        return ""
    loudest, middle = max(max(peaks), 1e-6), WAVE_HEIGHT / 2
    step = WIDTH / len(peaks)
    tops = [(k * step, middle - peak / loudest * (middle - 4)) for k, peak in enumerate(peaks)]
    bottoms = [(x, 2 * middle - y) for x, y in reversed(tops)]
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in [*tops, *bottoms])


def _number(value: float) -> str:
    return f"{value:.1f}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"
