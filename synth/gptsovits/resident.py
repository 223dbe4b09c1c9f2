"""The networks that are in memory: the official pair, voices' own pairs, and the helpers that read clips and text."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from synth.errors import AssentError
from synth.gptsovits import fast, manifest
from synth.gptsovits.batching import Scheduler
from synth.gptsovits.bert import Bert
from synth.gptsovits.conditioning import ClipReader
from synth.gptsovits.decoding import DecodeBatch
from synth.gptsovits.graphs import GraphBatch
from synth.gptsovits.hubert import Hubert
from synth.gptsovits.loading import load_sovits, load_speaker_encoder, load_text2semantic
from synth.gptsovits.residency import Residency, give_back_memory
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.store import Store
from synth.gptsovits.text2semantic import Text2Semantic

HUBERT_IDLE_S = 60.0


@dataclass(frozen=True, eq=False)
class LoadedPair:
    """One pair of checkpoints at work: networks, the clips read with them, the decoder that all requests share."""

    text2semantic: Text2Semantic
    sovits: Sovits
    reader: ClipReader
    scheduler: Scheduler
    digests: dict[str, str]

    @property
    def networks(self) -> tuple[Text2Semantic, Sovits]:
        """For `residency.size_of`."""
        return self.text2semantic, self.sovits


class ResidentNetworks:
    """Loads from a `Store` onto one device, in one mode, and keeps what fits into ``memory_bytes``."""

    def __init__(
        self, store: Store, version: str, *, device: str, mode: str, max_rows: int, memory_bytes: int
    ) -> None:
        self.device, self.mode, self.version = device, mode, version
        self.has_bert = not store.missing(version, "zh")
        self._store, self._max_rows = store, max_rows
        self._pairs = Residency(memory_bytes)
        self._helpers = Residency(memory_bytes, idle_s=HUBERT_IDLE_S)
        self._speaker = None
        if manifest.SPEAKER not in store.missing(version) and "Pro" in version:
            self._speaker = load_speaker_encoder(store.path(manifest.SPEAKER)).to(device)
        self.official = self._load_pair(*self._official_paths())

    @property
    def nbytes(self) -> int:
        """Of voices' own pairs."""
        return self._pairs.nbytes

    def pair(self, weights_of: str | None) -> AbstractContextManager[LoadedPair]:
        """The official pair, or that of a voice; AssentError ``weights_missing`` where it has none."""
        self._helpers.sweep()
        self._pairs.sweep()
        if weights_of is None:
            return nullcontext(self.official)
        files = self._store.pairs.get(weights_of)
        if files is None:
            raise AssentError("weights_missing", "This voice has no weights of its own.", http_status=404)
        return self._pairs.using(
            f"pair:{weights_of}:{self._store.record.digest(files.s1)}:{self._store.record.digest(files.s2)}",
            lambda: self._load_pair(files.s1, files.s2),
        )

    def forget(self, voice: str) -> None:
        """Let go of a voice's own pair, now or as soon as nothing speaks with it."""
        self._pairs.drop_all(f"pair:{voice}:")

    def with_bert(self, use: Callable[[Bert], Tensor]) -> Tensor:
        """``use`` the BERT of Chinese text, which stays for a while."""
        folder = self._store.folder / manifest.BERT
        load = lambda: Bert(folder, self.device, reduced=self.mode == "fast")  # noqa: E731
        with self._helpers.using(manifest.BERT, load) as bert:
            return use(bert)

    def _with_hubert(self, use: Callable[[Hubert], Tensor]) -> Tensor:
        folder = self._store.folder / manifest.HUBERT
        with self._helpers.using(manifest.HUBERT, lambda: Hubert(folder, self.device)) as hubert:
            result = use(hubert)
            del hubert  # the last name it has here
        # Profiles are kept, so the next use is far off; 360 MB are better spent elsewhere.
        self._helpers.drop(manifest.HUBERT)
        give_back_memory()
        return result

    def _official_paths(self) -> tuple[Path, Path]:
        paths = {
            file.kind: self._store.path(file.path)
            for file in manifest.MANIFEST
            if self.version in file.versions and file.kind in ("s1", "s2")
        }
        return paths["s1"], paths["s2"]

    def _load_pair(self, s1: Path, s2: Path) -> LoadedPair:
        quick, on_cpu = self.mode == "fast", self.device == "cpu"
        text2semantic = load_text2semantic(s1)
        if quick:
            text2semantic = fast.fast_text2semantic(text2semantic) if on_cpu else text2semantic.bfloat16()
        give_back_memory()
        sovits = load_sovits(s2)
        if quick:
            sovits = fast.fast_sovits(sovits, None if on_cpu else fast.Capabilities(True, False))
        give_back_memory()
        text2semantic.to(self.device)
        sovits.to(self.device)
        kind = GraphBatch if self.device.startswith("cuda") else DecodeBatch
        scheduler = Scheduler(lambda: kind(text2semantic, self._max_rows))
        reader = ClipReader(sovits, self._speaker, self._with_hubert)
        digests = {"s1": self._store.record.digest(s1), "s2": self._store.record.digest(s2)}
        return LoadedPair(text2semantic, sovits, reader, scheduler, digests)
