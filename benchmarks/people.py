"""Speech of real people and of neural voices for benchmarks, in two halves that no benchmark mixes.

People: recordings that Debian packages carry (telephone prompts, and actors of a game); they are read where they are
installed and never committed. Whoever was used to choose a weight or a threshold (`FIT`) is not reported on
(`REPORT`). Neural voices: every second name of Kokoro's voices, sorted.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.speech import Clip

Half = Literal["fit", "report"]
RATE_HZ = 16_000
PACKAGES = (
    "asterisk-core-sounds-en-g722",
    "asterisk-core-sounds-es-g722",
    "asterisk-core-sounds-fr-g722",
    "asterisk-core-sounds-it-g722",
    "asterisk-core-sounds-ru-g722",
    "asterisk-prompt-es-co",
    "asterisk-prompt-fr-armelle",
    "asterisk-prompt-it-menardi-wav",
    "fillets-ng-data-cs",
    "fillets-ng-data-nl",
)
_PROMPTS = Path("/usr/share/asterisk/sounds")
_GAME = Path("/usr/share/games/fillets-ng/sound")
_NO_SPEECH = ("beep", "tone", "silence", "monkeys", "weasels", "glorious", "binaural")
_PAUSE_S = 0.12
_LONGEST_PROMPT_S = 12.0


@dataclass(frozen=True)
class Person:
    """One speaker: where the recordings lie, as patterns below a folder. A person is in one half only, whatever the
    language."""

    name: str
    half: Half
    folder: Path
    patterns: tuple[str, ...]

    def files(self) -> list[Path]:
        """The recordings in a fixed order; those without speech left out by their names."""
        found = sorted({path for pattern in self.patterns for path in self.folder.glob(pattern)})
        return [path for path in found if not any(word in str(path) for word in _NO_SPEECH)]


PEOPLE = (
    Person("allison", "fit", _PROMPTS, ("en_US_f_Allison/*.g722", "es_MX_f_Allison/*.g722")),
    Person("june", "fit", _PROMPTS, ("fr_CA_f_June/*.g722",)),
    Person("ivrvoice", "fit", _PROMPTS, ("ru_RU_f_IvrvoiceRU/*.g722",)),
    Person("cs-small", "fit", _GAME, ("*/cs/*-m-*.ogg",)),
    Person("cs-big", "fit", _GAME, ("*/cs/*-v-*.ogg",)),
    Person("menardi", "report", _PROMPTS, ("it_IT_f_Menardi/*.wav",)),
    Person("carlo", "report", _PROMPTS, ("it_IT_m_Carlo/*.g722",)),
    Person("es-co", "report", _PROMPTS, ("es/*.gsm",)),
    Person("armelle", "report", _PROMPTS, ("fr/*.gsm",)),
    Person("nl-small", "report", _GAME, ("*/nl/*-m-*.ogg",)),
    Person("nl-big", "report", _GAME, ("*/nl/*-v-*.ogg",)),
)


def people_clips(half: Half, each: int, seconds: float = 6.0) -> list[Clip]:
    """``each`` clips of every person in a half, at 16 kHz, at least ``seconds`` long: recordings of one person one
    after another, short ones joined. Fewer where a person's recordings do not reach."""
    return [clip for person in PEOPLE if person.half == half for clip in _clips_of(person, each, seconds)]


def _clips_of(person: Person, count: int, seconds: float) -> list[Clip]:
    files = person.files()
    # Recordings from the whole range of a person's, not the first of the alphabet.
    order = np.random.default_rng([len(files), 11]).permutation(len(files))
    clips: list[Clip] = []
    parts: list[np.ndarray] = []
    for index in order:
        samples = decoded(files[int(index)])
        if not 0.7 * RATE_HZ <= len(samples) <= _LONGEST_PROMPT_S * RATE_HZ or not _is_speech(samples):
            continue
        parts += [samples, np.zeros(round(_PAUSE_S * RATE_HZ), np.float32)]
        if sum(map(len, parts)) >= seconds * RATE_HZ:
            clips.append(
                Clip(f"{person.name}-{len(clips):02d}", person.name, np.concatenate(parts[:-1]), RATE_HZ)
            )
            parts = []
            if len(clips) == count:
                break
    return clips


def decoded(path: Path) -> np.ndarray:
    """One channel of float32 at 16 kHz, its loudest moment at -3 dBFS; empty where nothing can be read."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-ac", "1", "-ar", str(RATE_HZ), "-f", "f32le", "-"]
    raw = subprocess.run(command, capture_output=True, check=False).stdout
    samples = np.frombuffer(raw, np.float32)
    return samples * np.float32(0.7 / max(float(np.abs(samples).max(initial=0.0)), 1e-6))


def _is_speech(samples: np.ndarray) -> bool:
    """Not a tone, nor nearly silent: speech has some dozen dB between its loud and its quiet 20 ms."""
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-9)
    return float(np.quantile(level, 0.9) - np.quantile(level, 0.15)) > 12


def half_of(voice: str, voices: Sequence[str]) -> Half:
    """The half that one of several neural voices belongs to: every second of the sorted names is reported on."""
    return "report" if sorted(voices).index(voice) % 2 else "fit"


def of_half(voices: Iterable[str], half: Half) -> list[str]:
    """The names of a half, sorted."""
    names = sorted(voices)
    return [name for name in names if half_of(name, names) == half]
