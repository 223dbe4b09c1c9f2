"""Official-form files -> registry -> text, phones, BERT, tokens, sound: the whole path in small widths."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest

from synth.engines.base import Cancelled, ReferenceClip, SpeakRequest
from synth.gptsovits import fast, manifest, modes, planning, spoken_text, store
from tests.gptsovits.conftest import clip, tiny_bert
from worker import engines

CHINESE = "今天下雨了,我们走吧."
TEXTS = {
    "zh": ("zh-Hans", "今天下雨了。我们走吧！", 2),
    "en": ("en-GB", "It rained today. Let us go!", 2),
    "mixed": ("zh", "我用iPhone看news，很快。", None),
}


@pytest.fixture(scope="module", autouse=True)
def short():
    """Random weights never end a sentence: a limit does, and here it comes early."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "TOKENS_PER_PHONE", 2)
        patch.setattr(planning, "TOKENS_MARGIN", 30)
        yield


@pytest.fixture(scope="module")
def chinese_models(models_dir, tmp_path_factory):
    """The small v2 with a BERT, added as an operator adds it."""
    folder = tmp_path_factory.mktemp("chinese")
    shutil.copytree(models_dir, folder, dirs_exist_ok=True)
    incoming = tmp_path_factory.mktemp("bert")
    tiny_bert(incoming / manifest.BERT, CHINESE)
    assert len(store.Store(folder).add(incoming)) == 3
    return folder


@pytest.fixture(scope="module", params=modes.MODES)
def chosen(request, chinese_models):
    engine = engines.choose("auto", models_dir=chinese_models, mode=request.param, device="cpu")
    yield engine
    engine.close()


def asked(name: str, seed: int = 3, **more) -> SpeakRequest:
    language, text, _ = TEXTS[name]
    voice = clip(2.0, seed=seed)
    noise = clip(3.2, seed=seed + 1)
    style = ReferenceClip(noise.samples, noise.sample_rate_hz, "我们今天走吧。", "zh", "calm")
    return SpeakRequest(text, language, [voice], style, seed=seed, **more)


def test_the_registry_chooses_it(chosen):
    assert chosen.name == "gpt-sovits" and chosen.version == f"v2-{chosen.mode}" and not chosen.is_preview
    assert chosen.languages >= {"zh", "en", "ja", "ko", "yue"}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_becomes_sound(chosen, name):
    progress: list[float] = []
    speech = chosen.speak(asked(name), on_progress=progress.append)
    sentences = TEXTS[name][2]
    assert sentences is None or len(speech.details["semantic_tokens"]) == sentences
    assert min(speech.details["semantic_tokens"]) > 0
    assert speech.samples.dtype == np.float32 and np.isfinite(speech.samples).all()
    assert speech.sample_rate_hz == 32_000 and 0 < np.abs(speech.samples).max() <= 1
    pauses = 0.3 * len(speech.details["semantic_tokens"])
    assert speech.duration_s == pytest.approx(sum(speech.details["semantic_tokens"]) / 25 + pauses, abs=0.01)
    assert progress == sorted(progress) and progress[-1] == 1
    assert speech.details["mode"] == chosen.mode


def test_bert_reads_the_chinese_characters_alone(chosen):
    planner = chosen._planner
    sentences = planner._read(TEXTS["mixed"][1], "zh").sentences
    for sentence in sentences:
        phones, rows = spoken_text.tensors_of(sentence, planner._with_bert)
        assert rows.shape == (1024, len(phones))
        at = 0
        for piece in sentence.pieces:
            part = rows[:, at : at + len(piece.phones)]
            assert bool(part.any()) == (piece.language == "zh")
            at += len(piece.phones)
    assert {piece.language for sentence in sentences for piece in sentence.pieces} == {"zh", "en"}


def test_streamed_and_stopped(chosen):
    one = asked("zh")
    whole = chosen.speak(one)
    chunks = list(chosen.stream(one))
    assert len(chunks) > 2 and sum(map(len, chunks)) == len(whole.samples)
    stop = threading.Event()
    streaming = chosen.stream(one, should_stop=stop.is_set)
    assert len(next(streaming))
    stop.set()
    with pytest.raises(Cancelled):
        list(streaming)
    with pytest.raises(Cancelled):
        chosen.speak(one, on_progress=lambda _: stop.set(), should_stop=stop.is_set)
    assert (
        chosen.speak(one).details["semantic_tokens"] == whole.details["semantic_tokens"]
    )  # nothing is left behind


def test_eight_voices_at_once_are_their_solo_runs(chosen):
    """With the compiled kernels the fast mode keeps rows apart to the bit; otherwise only its length is looked at."""
    requests = [asked(name, seed=20 + i) for i, name in enumerate([*TEXTS, *TEXTS, "zh", "en"])]
    solo = [chosen.speak(one) for one in requests]
    together: list = [None] * len(requests)

    def speak(index: int) -> None:
        together[index] = chosen.speak(requests[index])

    threads = [threading.Thread(target=speak, args=(i,)) for i in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert chosen.networks.official.scheduler.figures.rows_at_most > 2
    exactly = chosen.mode == "fp32" or fast.capabilities().compiled
    for alone, shared in zip(solo, together, strict=True):
        if exactly:
            assert shared.details["semantic_tokens"] == alone.details["semantic_tokens"]
            assert np.abs(shared.samples - alone.samples).max() <= 1e-4 * np.abs(alone.samples).max()
        else:
            assert len(shared.details["semantic_tokens"]) == len(alone.details["semantic_tokens"])
