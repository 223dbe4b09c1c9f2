"""One track: released files laid out on the timeline, encoded, labelled, and every line's mark found at its place."""

from __future__ import annotations

import io
import logging

import numpy as np
import numpy.typing as npt
import soundfile as sf
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from synth import __version__
from synth.audio.encode import decode_own, encode
from synth.audio.resample import resample
from synth.errors import AssentError
from synth.projects import services
from synth.projects.models import Track, TrackLine
from synth.projects.services import Laid, TrackLost
from synth.provenance import aigc
from worker import rendering
from worker.outage import is_outage

logger = logging.getLogger(__name__)
BEAT_EVERY = 10
"""Lines between two signs of life."""


def make(track: Track) -> None:
    """See a claimed track through; every end of it is written to its row."""
    try:
        services.complete_track(track=track, laid=lay(track))
    except TrackLost:
        return
    except AssentError as error:
        services.fail_track(track=track, error=error)
    except Exception as error:
        if is_outage(error):
            logger.warning("track %s was interrupted and will be repeated: %s", track.pk, error)
            return
        logger.exception("track %s failed", track.pk)
        services.fail_track(
            track=track, error=AssentError("track_failed", "The track could not be made.", http_status=500)
        )


def lay(track: Track) -> Laid:
    """The track of a claimed row. Raises AssentError ``track_mark_unreadable``, `TrackLost`, what forbids a line."""
    parts = services.parts_of(track)
    samples, rate_hz = _laid_out(track, parts)
    data = encode(samples, rate_hz, format=track.format)
    # The label has room for one record: that of the longest line, whose mark is found most surely.
    named = max(parts, key=lambda part: part.output.duration_ms)
    label = aigc.AigcLabel(
        label="1",
        content_producer=settings.ASSENT_CONTENT_PRODUCER,
        produce_id=str(named.output_id),
        system=f"Assent {__version__}",
        made_at=timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    data = aigc.write(data, track.format, label)
    if aigc.read(data) != label:
        raise AssentError("label_failed", "The label could not be read back.", http_status=500)
    _read_back(track, parts, data)
    return Laid(data, round(1000 * len(samples) / rate_hz), rate_hz)


def _laid_out(track: Track, parts: list[TrackLine]) -> tuple[npt.NDArray[np.float32], int]:
    """All parts in silence, float32 (n,), and the highest of their rates. What overlaps is heard at once."""
    rate_hz = max(part.output.sample_rate_hz for part in parts)
    length = max(part.start_ms + part.output.duration_ms for part in parts)
    samples = np.zeros(round((length + 20) * rate_hz / 1000), np.float32)
    end = 0
    for index, part in enumerate(parts):
        _go_on(track, index)
        with default_storage.open(part.output.file, "rb") as file:
            audio = decode_own(file.read(), part.output.format)
        sound = resample(audio.mono(), audio.sample_rate_hz, rate_hz)
        start = round(part.start_ms * rate_hz / 1000)
        sound = sound[: len(samples) - start]
        samples[start : start + len(sound)] += sound
        end = max(end, start + len(sound))
    return samples[:end], rate_hz


def _read_back(track: Track, parts: list[TrackLine], data: bytes) -> None:
    """Every line's mark, at its place in the final bytes. Raises AssentError ``track_mark_unreadable``."""
    unread = []
    with sf.SoundFile(io.BytesIO(data)) as sound:
        rate_hz = sound.samplerate
        for index, part in enumerate(parts):
            _go_on(track, index)
            sound.seek(min(sound.frames, round(part.start_ms * rate_hz / 1000)))
            heard = sound.read(round(part.output.duration_ms * rate_hz / 1000), dtype="float32")
            if not rendering.read_mark(heard, rate_hz, part.output.mark).ok:
                unread.append(part.number)
    if unread:
        raise AssentError(
            "track_mark_unreadable",
            "The marks of some lines cannot be read in the track, mostly because others are heard at the same time:"
            " give them more room.",
            measured=unread[:20],
            http_status=422,
        )


def _go_on(track: Track, index: int) -> None:
    if index % BEAT_EVERY == 0 and not services.track_beats(track):
        raise TrackLost
