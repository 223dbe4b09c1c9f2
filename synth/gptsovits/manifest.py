"""The published set of weights: which files there are, where they belong, what of them lies here. Names alone.

Imports nothing but the standard library: whoever asks whether weights are installed need not load torch for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = "gpt-sovits"
HUBERT = "chinese-hubert-base"
BERT = "chinese-roberta-wwm-ext-large"
SPEAKER = "sv/pretrained_eres2netv2w24s4ep4.ckpt"
VERSIONS = ("v2ProPlus", "v2Pro", "v2")  # the best first


@dataclass(frozen=True)
class OfficialFile:
    """A file of the published set; ``path`` is relative to the hub folder and to ours alike."""

    path: str
    kind: str  # what `weights.kind_of` must say of it, or "json", "text", "tensors"
    versions: tuple[str, ...]  # that need it
    languages: tuple[str, ...] = ()  # empty: all
    optional: bool = False


MANIFEST: tuple[OfficialFile, ...] = (
    OfficialFile("gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt", "s1", ("v2",)),
    OfficialFile("gsv-v2final-pretrained/s2G2333k.pth", "s2", ("v2",)),
    OfficialFile("s1v3.ckpt", "s1", ("v2Pro", "v2ProPlus")),
    OfficialFile("v2Pro/s2Gv2Pro.pth", "s2", ("v2Pro",)),
    OfficialFile("v2Pro/s2Gv2ProPlus.pth", "s2", ("v2ProPlus",)),
    OfficialFile(SPEAKER, "sv", ("v2Pro", "v2ProPlus")),
    OfficialFile(f"{HUBERT}/config.json", "json", VERSIONS),
    OfficialFile(f"{HUBERT}/preprocessor_config.json", "json", VERSIONS, optional=True),
    OfficialFile(f"{HUBERT}/pytorch_model.bin", "tensors", VERSIONS),
    OfficialFile(f"{BERT}/config.json", "json", VERSIONS, ("zh",)),
    OfficialFile(f"{BERT}/tokenizer.json", "json", VERSIONS, ("zh",)),
    OfficialFile(f"{BERT}/pytorch_model.bin", "tensors", VERSIONS, ("zh",)),
)
BY_PATH = {file.path: file for file in MANIFEST}


def missing(folder: Path, version: str, language: str = "") -> list[str]:
    """Paths that ``version`` needs (for ``language``, if given) and that are not below ``folder``."""
    needed = (
        file
        for file in MANIFEST
        if version in file.versions
        and not file.optional
        and (not file.languages or language in file.languages)
    )
    return [file.path for file in needed if not (folder / file.path).is_file()]


def best_version(folder: Path) -> str | None:
    """The best version whose files are all there, Chinese apart."""
    return next((version for version in VERSIONS if not missing(folder, version)), None)


def names_for(versions: Iterable[str], languages: Iterable[str] = ()) -> list[str]:
    """Manifest paths that the given versions need; languages with weights of their own must be asked for."""
    versions, languages = set(versions), set(languages)
    return [
        file.path
        for file in MANIFEST
        if versions & set(file.versions) and (not file.languages or languages & set(file.languages))
    ]
