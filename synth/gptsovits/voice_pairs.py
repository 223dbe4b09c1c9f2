"""Fine-tuned weights of single voices, as files; whether a voice's owner consents is the caller's question."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from synth.gptsovits.trust_record import TrustRecord, copy_whole


@dataclass(frozen=True)
class Pair:
    """Fine-tuned weights of one voice."""

    s1: Path
    s2: Path


class VoicePairs:
    """``voices/IDENTIFIER`` below the folder of the weights."""

    def __init__(self, folder: Path, record: TrustRecord) -> None:
        self._folder, self._record = folder, record

    def add(self, voice: str, s1: Path, s2: Path) -> Pair:
        """Both are opened and must be what they claim to be, of a version that is spoken here."""
        from synth.gptsovits.loading import load_sovits, load_text2semantic

        folder = self.folder_of(voice)
        load_text2semantic(s1)
        load_sovits(s2)
        folder.mkdir(parents=True, exist_ok=True)
        pair = Pair(folder / "s1.ckpt", folder / "s2.pth")
        for source, target in ((s1, pair.s1), (s2, pair.s2)):
            copy_whole(source, target)
        self._record.add(
            {f"{target.relative_to(self._folder)}": target for target in (pair.s1, pair.s2)}, "pair"
        )
        return pair

    def get(self, voice: str) -> Pair | None:
        """The weights of a voice, if any."""
        folder = self.folder_of(voice)
        pair = Pair(folder / "s1.ckpt", folder / "s2.pth")
        return pair if pair.s1.is_file() and pair.s2.is_file() else None

    def voices(self) -> list[str]:
        """Voices that have a folder for weights of their own."""
        folder = self._folder / "voices"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def remove(self, voice: str) -> None:
        """Forget the weights of a voice, as when its consent is revoked."""
        folder = self.folder_of(voice)
        if folder.is_dir():
            names = {f"{path.relative_to(self._folder)}" for path in folder.iterdir()}
            shutil.rmtree(folder)
            self._record.remove(names)

    def folder_of(self, voice: str) -> Path:
        """Raises ValueError for what is no identifier: nothing else may become a path."""
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}", voice):
            raise ValueError("a voice is named by its identifier")
        return self._folder / "voices" / voice
