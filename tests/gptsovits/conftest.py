"""Small checkpoints in the official format, and a store and engine made of them."""

from __future__ import annotations

import json
import lzma
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from synth.engines.base import ReferenceClip
from synth.gptsovits import engine as engine_module
from synth.gptsovits import manifest, store
from synth.gptsovits.engine import GptSovitsEngine
from synth.gptsovits.spoken_text import Piece, ReadText, Sentence
from synth.text.dictionary import NO_WORDS, Dictionary

DATA = Path(__file__).parents[1] / "data" / "gptsovits"
SHARED = Path(__file__).parents[3] / "shared" / "gpt-sovits" / "goldens"


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)
    os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def goldens(tmp_path_factory) -> Path:
    """The committed goldens, unpacked."""
    folder = tmp_path_factory.mktemp("goldens")
    shutil.copytree(DATA, folder, dirs_exist_ok=True)
    for packed in (folder / "ckpt").glob("*.xz"):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
    return folder


@pytest.fixture(scope="session")
def s1(goldens) -> Path:
    return goldens / "ckpt" / "small_v2_s1.ckpt"


@pytest.fixture(scope="session")
def s2(goldens) -> Path:
    return goldens / "ckpt" / "small_v2_s2.pth"


def tiny_hubert(folder: Path) -> None:
    """A HuBERT of two thin layers with the official feature width."""
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(0)
    config = HubertConfig(
        hidden_size=768, num_hidden_layers=1, num_attention_heads=12, intermediate_size=32,
        conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=16,
    )  # fmt: skip
    folder.mkdir(parents=True)
    torch.save(HubertModel(config).half().state_dict(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(config.to_json_string())


def tiny_bert(folder: Path, characters: str) -> None:
    """A BERT of three thin layers with the official feature width, one token a character."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {token: i for i, token in enumerate([*special, *sorted(set(characters))])}
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=1024, num_hidden_layers=3, num_attention_heads=16, intermediate_size=16
    )  # fmt: skip
    folder.mkdir(parents=True)
    torch.save(BertModel(config, add_pooling_layer=False).half().state_dict(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(config.to_json_string())
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory, s1, s2) -> Path:
    """A models folder with a complete small v2, added the way an operator adds it."""
    incoming = tmp_path_factory.mktemp("incoming")
    for file in manifest.MANIFEST:
        if "v2" in file.versions and file.kind in ("s1", "s2"):
            target = incoming / file.path
            target.parent.mkdir(exist_ok=True)
            shutil.copy({"s1": s1, "s2": s2}[file.kind], target)
    tiny_hubert(incoming / manifest.HUBERT)
    folder = tmp_path_factory.mktemp("models")
    store.Store(folder).add(incoming)
    return folder


def letters(
    text: str, language: str, dictionary: Dictionary = NO_WORDS, cut_method: str = "cut5"
) -> ReadText:
    """A front-end that gives every letter a phone: enough to drive an engine whose weights are random."""
    sentences = []
    for part in text.replace("!", ".").split("."):
        phones = [1 + ord(letter) % 600 for letter in part.strip()]
        if phones:
            sentences.append(Sentence([Piece(language, part.strip(), phones)], pause_s=0.1))
    return ReadText(sentences)


def clip(
    seconds: float, *, seed: int = 0, transcript: str = "some words", rate: int = 32_000
) -> ReferenceClip:
    """Coloured noise with a moving pitch: something for the encoders to tell apart."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    pitch = 110 * (1 + seed % 5) * (1 + 0.1 * np.sin(2 * np.pi * (1 + seed) * time))
    samples = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / rate) + 0.02 * generator.standard_normal(len(time))
    return ReferenceClip(samples.astype(np.float32), rate, transcript, "en", f"style {seed}")


@pytest.fixture(scope="session", autouse=True)
def drawn_once():
    """Random weights never end a sentence by themselves, however often it is drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "REDRAWS", 0)
        yield


@pytest.fixture(scope="session")
def engine(models_dir):
    engine = GptSovitsEngine(store.Store(models_dir), "v2", front_end=letters)
    yield engine
    engine.close()


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))
