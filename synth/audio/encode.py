"""The formats that outputs are offered in, and how each is written.

Everything goes through libsndfile in memory. ``pcm`` is what the OpenAI speech API calls pcm:
24 kHz, mono, 16-bit little-endian, no header. ``wav_bare`` is for programs that skip 44 bytes and play the rest.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from synth.audio.decode import Audio
from synth.audio.resample import resample
from synth.errors import AssentError

_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)

# Compression 0..1 in libsndfile is quality upside down; constant bit rate keeps players' seeking exact.
MP3_OPTIONS: dict[str, Any] = {"bitrate_mode": "CONSTANT", "compression_level": 0.4}


@dataclass(frozen=True)
class Format:
    """One offered format. ``sample_rates_hz`` empty means: any rate is kept as it is."""

    name: str
    extension: str
    media_type: str
    container: str | None
    subtype: str
    sample_rates_hz: tuple[int, ...] = ()
    lossless: bool = False
    has_label: bool = True
    """Whether a label stands in the file."""

    def rate_for(self, sample_rate_hz: int) -> int:
        """The rate that audio of ``sample_rate_hz`` is written at: the same, else the next higher."""
        if not self.sample_rates_hz or sample_rate_hz in self.sample_rates_hz:
            return sample_rate_hz
        return next((r for r in self.sample_rates_hz if r > sample_rate_hz), self.sample_rates_hz[-1])


#: name -> Format, in the order in which they are shown.
FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("wav", "wav", "audio/wav", "WAV", "PCM_16", lossless=True),
        Format("flac", "flac", "audio/flac", "FLAC", "PCM_16", lossless=True),
        Format("mp3", "mp3", "audio/mpeg", "MP3", "MPEG_LAYER_III", _MPEG_RATES),
        Format("opus", "opus", "audio/ogg", "OGG", "OPUS", (48000,)),
        Format("pcm", "pcm", "audio/pcm", None, "PCM_16", (24000,), lossless=True, has_label=False),
        Format("wav_bare", "wav", "audio/wav", "WAV", "PCM_16", lossless=True, has_label=False),
    )
}


def format_named(name: str) -> Format:
    """The Format called ``name``; AssentError ``format_not_offered`` (400) for any other."""
    try:
        return FORMATS[name]
    except KeyError:
        raise AssentError(
            "format_not_offered",
            f"Audio is offered as {', '.join(FORMATS)}.",
            extra={"offered": list(FORMATS)},
        ) from None


def encode(samples: npt.NDArray[Any], sample_rate_hz: int, *, format: str) -> bytes:
    """Encode mono float samples (n,) in [-1, 1]; values beyond are clipped.

    The rate is changed only where the format asks for it (:meth:`Format.rate_for`).
    """
    wanted = format_named(format)
    rate = wanted.rate_for(sample_rate_hz)
    x = np.asarray(samples, dtype=np.float32)
    if x.ndim != 1 or not x.size:
        raise ValueError("encode takes a non-empty mono array")
    x = np.clip(resample(x, sample_rate_hz, rate), -1, 1)
    if wanted.subtype == "PCM_16":
        pcm = np.round(x * 32767).astype("<i2")
        if wanted.container is None:
            return pcm.tobytes()
        out = io.BytesIO()
        sf.write(out, pcm, rate, format=wanted.container, subtype=wanted.subtype)
        return out.getvalue()
    out = io.BytesIO()
    options: dict[str, Any] = MP3_OPTIONS if wanted.container == "MP3" else {}
    with sf.SoundFile(out, "w", rate, 1, format=wanted.container, subtype=wanted.subtype, **options) as sound:
        for start in range(0, x.size, rate):  # in blocks: the Opus writer is unsafe with very long buffers
            sound.write(x[start : start + rate])
    return out.getvalue()


def decode_own(data: bytes, format: str) -> Audio:
    """Decode bytes that we encoded ourselves, in this process. Never for anything that came from outside."""
    wanted = format_named(format)
    if wanted.container is None:
        rate = wanted.sample_rates_hz[0]
        samples = np.frombuffer(data, dtype="<i2").astype(np.float32)[None] / np.float32(32767)
        return Audio(samples, rate, "pcm", "pcm_16")
    values, rate = sf.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return Audio(np.ascontiguousarray(values.T), int(rate), wanted.name, wanted.subtype.lower())
