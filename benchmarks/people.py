"""Speech of real people and of neural voices for benchmarks, in two halves that no benchmark mixes.

People: recordings that Debian packages carry (telephone prompts, and actors of a game); they are read where they are
installed and never committed. Whoever was used to choose a weight or a threshold (`FIT`) is not reported on
(`REPORT`). Neural voices: every second name of Kokoro's voices, sorted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile

from benchmarks.speech import SENTENCES, Clip

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


# ------------------------------------------------------------------ neural voices
KOKORO = Path(__file__).resolve().parent.parent / "var" / "models" / "kokoro"
SPOKEN = Path(__file__).resolve().parent.parent / "var" / "bench" / "neural"
"""What neural voices said is kept here between runs: a second of speech takes a second."""


def neural_clips(half: Half, each: int) -> list[Clip]:
    """Up to ``each`` clips of every neural voice of a half, 5 to 9 s at 24 kHz: English sentences in Kokoro's 54
    voices, pronounced by espeak-ng. Ends the benchmark in one sentence where neither model nor kept clips are there."""
    voices = sorted(path.stem for path in (KOKORO / "voices").glob("*.bin"))
    voices = voices or sorted({path.stem.rsplit("-", 1)[0] for path in SPOKEN.glob("*.wav")})
    if not voices:
        sys.exit("no neural voices: install the Kokoro model (manage.py models)")
    clips = []
    for take in range(each):
        for voice in of_half(voices, half):
            path = SPOKEN / f"{voice}-{take}.wav"
            if not path.exists() and (KOKORO / "model.int8.onnx").exists():
                _speak(voice, take, voices.index(voice), path)
            if path.exists():
                samples, rate = soundfile.read(path, dtype="float32")
                clips.append(Clip(path.stem, f"neural:{voice}", samples, rate))
    return clips


def _speak(voice: str, take: int, place: int, path: Path) -> None:
    text = SENTENCES[(5 * (17 * place % 54) + 7 * take + place) % len(SENTENCES)]
    language = "en-gb" if voice.startswith("b") else "en-us"
    command = ["espeak-ng", "-q", "--ipa", "-v", language, text]
    phones = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    vocabulary = _vocabulary()
    spoken = phones.strip().replace("\n", " , ").replace("_", "")
    tokens = [vocabulary[c] for c in spoken if c in vocabulary][:500]
    styles = np.fromfile(KOKORO / "voices" / f"{voice}.bin", "<f4").reshape(510, 1, 256)
    session = _session()
    names = [one.name for one in session.get_inputs()]
    values = [np.array([[0, *tokens, 0]], np.int64), styles[len(tokens) - 1], np.array([1.0], np.float32)]
    samples = session.run(None, dict(zip(names, values, strict=True)))[0].ravel()
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, 24_000)


@cache
def _vocabulary() -> dict[str, int]:
    body = json.loads((KOKORO / "vocab.json").read_text(encoding="utf-8"))
    found: dict[str, int] = body.get("vocab", body)
    return found


@cache
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(KOKORO / "model.int8.onnx"), options)
