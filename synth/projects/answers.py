"""What projects answer with beside JSON: a ZIP, a track, subtitles. Large files leave in blocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import IO
from urllib.parse import quote
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse

from accounts.people.principals import Principal
from synth.jobs import selectors as job_selectors
from synth.jobs.formats import FORMATS
from synth.projects import selectors
from synth.projects.models import Track
from synth.projects.selectors import Placed
from synth.projects.services import Archive
from synth.spoken.subtitles import Line, lines, srt, vtt

_BLOCK_BYTES = 256 * 1024
_SUBTITLES = {"srt": ("application/x-subrip", srt), "vtt": ("text/vtt", vtt)}


def archive_answer(archive: Archive) -> StreamingHttpResponse:
    return _in_blocks(archive.file, "application/zip", "lines.zip", archive.size_bytes, archive.sha256)


def track_sound(track: Track, file: IO[bytes]) -> StreamingHttpResponse:
    kind = FORMATS[track.format]
    name = f"{track.project.slug}.{kind.extension}"
    return _in_blocks(file, kind.media_type, name, track.size_bytes, track.sha256)


def _in_blocks(
    file: IO[bytes], media_type: str, filename: str, size_bytes: int, sha256: str
) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_blocks(file), content_type=media_type)
    response["Content-Length"] = str(size_bytes)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename)}"
    response["Cache-Control"] = "private, no-store"
    response["X-File-SHA256"] = sha256
    return response


async def _blocks(file: IO[bytes]) -> AsyncIterator[bytes]:
    """A file to its end, read on another thread; closed whatever happens."""
    try:
        while data := await asyncio.to_thread(file.read, _BLOCK_BYTES):
            yield data
    finally:
        file.close()


def subtitles_answer(principal: Principal, project_id: UUID, format: str) -> HttpResponse:
    """The lines that are done as subtitles, at the times at which they are heard in the track."""
    project = selectors.project_for(principal, project_id)
    found = [
        line for place in selectors.placed(list(selectors.lines_of(project))) for line in _subtitles(place)
    ]
    media_type, write = _SUBTITLES[format]
    text = write(sorted(found, key=lambda line: line.start_s))
    response = HttpResponse(text, content_type=f"{media_type}; charset=utf-8")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(f'{project.slug}.{format}')}"
    return response


def _subtitles(place: Placed) -> list[Line]:
    """What is read of a line: by its words' times, or all of it for as long as it is heard."""
    words = job_selectors.word_times(place.output)
    start_s = place.start_ms / 1000
    if words:
        said = lines(place.output.job.text, words)
        return [Line(line.text, line.start_s + start_s, line.end_s + start_s) for line in said]
    text = " ".join(place.output.job.text.split())
    return [Line(text, place.heard_from_ms / 1000, place.heard_to_ms / 1000)] if text else []
