"""GPT-SoVITS on this machine: ``python -m benchmarks.engine``. Official sizes, random weights, one process.

Figures of one thread are processor time of that thread, taken in turns (one of each, again and again), so that
what else the machine does disturbs them little; only end-to-end figures are times by the clock. The denominator
``matvec`` is a float32 matrix-vector product over as many weights as the decoder reads for one token (302 MB, one
piece of memory). Random weights never end an utterance: lengths are set. Speech quality cannot be judged so.
"""

from __future__ import annotations

import argparse
import lzma
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from benchmarks import engine_weights
from benchmarks.report import ROOT, Row, merge_report, spread_of, write_report
from synth.gptsovits import fast
from synth.gptsovits.batching import Scheduler
from synth.gptsovits.cache import GrowingCache
from synth.gptsovits.decoding import DecodeBatch, Utterance
from synth.gptsovits.loading import load_text2semantic
from synth.gptsovits.sampling import Draw, RowParams, SamplingParams, draw
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.streaming import FIRST_CHUNK_TOKENS, ChunkedDecoder, LatentNoise, next_chunk_tokens
from synth.gptsovits.text2semantic import Cache, Text2Semantic

PROMPT_TOKENS = 110
RSS_RUNS = 3
SENTENCES = 4
SENTENCE_TOKENS = 75
FIRST_SENTENCE_TOKENS = 150
PARAMS = SamplingParams(temperature=0.6, top_k=50)
COMMAND = "make bench-engine"
PARTS = ("gpu", "rss", "rss_fp32", "decoder", "generator", "pipeline", "stream")
GOLDENS = ROOT / "tests" / "data" / "gptsovits"


def utterance(context: int, *, max_tokens: int = 1500, seed: int = 0) -> Utterance:
    """An utterance whose first token follows ``context`` positions."""
    generator = torch.Generator().manual_seed(seed)
    phones = torch.randint(1, 700, (context - PROMPT_TOKENS,), generator=generator)
    rows = torch.randn(1024, len(phones), generator=generator)
    prompt = torch.randint(0, 1000, (PROMPT_TOKENS,), generator=generator)
    return Utterance(phones, rows, prompt, PARAMS, seed, max_tokens)


def in_turns(
    tasks: dict[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.thread_time,
    *,
    warm: bool = False,
) -> dict[str, list[float]]:
    """Milliseconds of each task, one of each per round; the first round is not counted, unless all is warm already."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(int(warm), rounds + 1):
        for name, task in tasks.items():
            start = clock()
            task()
            if turn:
                times[name].append(1e3 * (clock() - start))
    return times


def ratio(above: list[float], below: list[float]) -> tuple[float, str]:
    """Ratio of the medians, and the spread of the ratio over the rounds."""
    value = median(above) / median(below)
    return value, spread_of([a / b for a, b in zip(above, below, strict=True)])


def running(model: Text2Semantic, context: int, rows: int = 1) -> DecodeBatch:
    """A batch of ``rows`` in the middle of their utterances."""
    batch = DecodeBatch(model, max_rows=rows)
    for row in range(rows):
        batch.join(utterance(context, seed=row))
    return batch


def both_modes() -> tuple[Text2Semantic, Text2Semantic]:
    """The decoder of the official size in float32 and in the fast mode."""
    return engine_weights.text2semantic(), fast.fast_text2semantic(engine_weights.text2semantic())


@torch.inference_mode()
def decoder_rows(rounds: int) -> list[Row]:
    """Steps, prefill, batches and the error of the fast mode."""
    exact, quick = both_modes()
    matrix, vector = torch.randn(302_000_000 // 4 // 2048, 2048), torch.randn(2048)
    steps = {
        (mode, context): running(model, context)
        for mode, model in (("fp32", exact), ("fast", quick))
        for context in (200, 500)
    }
    tasks: dict[str, Callable[[], object]] = {"matvec": lambda: torch.mv(matrix, vector)}
    tasks |= {f"{mode} {context}": batch.step for (mode, context), batch in steps.items()}
    times = in_turns(tasks, rounds)
    matvec = times["matvec"]
    rows = [Row("matvec_302mb_ms", "ms", median(matvec), spread_of(matvec), rounds, note="the denominator")]
    for context, target in ((200, 0.33), (500, 0.40)):
        value, spread = ratio(times[f"fast {context}"], matvec)
        rows.append(
            Row(
                f"t2s_step_over_matvec_ctx{context}",
                "1",
                value,
                spread,
                rounds,
                target,
                "lower",
                f"fast mode, sampling included; {median(times[f'fast {context}']):.1f} ms a token, "
                f"float32 {median(times[f'fp32 {context}']):.1f} ms",
            )
        )
    del tasks, steps

    one = utterance(200)
    times = in_turns(
        {
            "fp32": lambda: exact.prefill(one.phones, one.bert_rows, one.prompt),
            "fast": lambda: quick.prefill(one.phones, one.bert_rows, one.prompt),
        },
        max(3, rounds // 4),
    )
    value, spread = ratio(times["fp32"], times["fast"])
    note = f"200 positions: {median(times['fast']):.0f} ms fast, {median(times['fp32']):.0f} ms float32"
    rows.append(Row("prefill_ratio", "1", value, spread, len(times["fp32"]), 3.0, note=note))

    for mode, model in (("", exact), ("_fast", quick)):
        batches = {"one": running(model, 200), "eight": running(model, 200, 8)}
        times = in_turns({name: batch.step for name, batch in batches.items()}, max(5, rounds // 2))
        value, spread = ratio([8 * t for t in times["one"]], times["eight"])
        label, one_row, eight = mode.strip("_") or "float32", median(times["one"]), median(times["eight"])
        note = (
            f"{label}: {one_row:.1f} ms for one row, {eight:.1f} ms for eight: "
            f"{1e3 / one_row:.0f} and {8e3 / eight:.0f} tokens a second"
        )
        rows.append(
            Row(f"batch8_aggregate_ratio{mode}", "1", value, spread, len(times["one"]), 4.0, note=note)
        )
    return [*rows, *agreement(exact, quick)]


class Recorder:
    """Takes the place of `Text2Semantic.step` and keeps the logits, before anything is drawn from them."""

    def __init__(self, model: Text2Semantic) -> None:
        self.kept: list[Tensor] = []
        self._step = model.step
        model.step = self.step  # type: ignore[method-assign]

    def step(self, tokens: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        logits = self._step(tokens, positions, cache)
        self.kept.append(logits[0].clone())
        return logits


@torch.inference_mode()
def led(
    exact: Text2Semantic, quick: Text2Semantic, one: Utterance, steps: int
) -> tuple[list[float], list[bool]]:
    """The fast mode led along the exact one's tokens: how far its logits are off, and where it chooses the same."""
    batches = [DecodeBatch(model) for model in (exact, quick)]
    rows = [batch.join(one) for batch in batches]
    recorders = [Recorder(model) for model in (exact, quick)]
    same = []
    for _ in range(steps):
        rows[1].tokens[-1] = rows[0].tokens[-1]
        for batch in batches:
            batch.step()
        if any(row.ended is not None for row in rows):
            break
        same.append(rows[0].tokens[-1] == rows[1].tokens[-1])
    errors = [
        float((b - a).abs().max() / a.abs().max())
        for a, b in zip(recorders[0].kept, recorders[1].kept, strict=True)
    ]
    for model in (exact, quick):
        del model.step
    return errors, same


def agreement(exact: Text2Semantic, quick: Text2Semantic) -> list[Row]:
    """Of the official size with random weights, and of the small recorded checkpoint with its recorded prompt."""
    small, one = golden_utterance()
    cases = (
        ("fast", exact, quick, utterance(200), 40, "random weights of the official size"),
        (
            "fast_golden",
            small,
            fast.fast_text2semantic(golden_utterance()[0]),
            one,
            85,
            "the committed golden checkpoint (64 wide), likeliest code",
        ),
    )
    rows = []
    for name, slow, swift, spoken, steps, note in cases:
        errors, same = led(slow, swift, spoken, steps)
        note += "; led along the tokens of float32"
        rows += [
            Row(
                f"{name}_logit_error_of_peak",
                "1",
                median(errors),
                spread_of(errors),
                len(errors),
                None,
                "lower",
                note,
            ),
            Row(f"{name}_token_agreement", "share", sum(same) / len(same), None, len(same), None, note=note),
        ]
    return rows


def golden_utterance() -> tuple[Text2Semantic, Utterance]:
    """The committed small checkpoint and the utterance of its greedy golden."""
    golden = np.load(GOLDENS / "v2_golden.npz")
    with tempfile.NamedTemporaryFile(suffix=".ckpt") as file:
        file.write(lzma.decompress((GOLDENS / "ckpt" / "small_v2_s1.ckpt.xz").read_bytes()))
        file.flush()
        model = load_text2semantic(Path(file.name))

    def both(name: str, axis: int) -> np.ndarray:
        return np.concatenate([golden[f"{name}_prompt"], golden[f"{name}_text"]], axis=axis)

    one = Utterance(
        torch.from_numpy(both("ph", 0).astype(np.int64)),
        torch.from_numpy(both("bert", 1).astype(np.float32)),
        torch.from_numpy(golden["codes_A"][:60].astype(np.int64)),
        SamplingParams(top_k=1),
    )
    return model, one


@torch.inference_mode()
def generator_rows(rounds: int) -> list[Row]:
    """Two seconds of sound, float32 against bfloat16."""
    rows = []
    for version, target, name in (
        ("v2", 1.45, "generator_ratio"),
        ("v2ProPlus", 1.7, "generator_ratio_proplus"),
    ):
        network = engine_weights.sovits(version)
        condition = torch.randn(1, network.dec.cond.in_channels, 1)
        latent = torch.randn(1, 192, 100)
        exact = network.dec
        quick = fast.fast_sovits(engine_weights.sovits(version)).dec
        times = in_turns(
            {
                "fp32": partial(exact, latent, condition),
                "fast": partial(quick, latent, condition),
            },
            rounds,
        )
        value, spread = ratio(times["fp32"], times["fast"])
        slow, quick_s = median(times["fp32"]) / 2e3, median(times["fast"]) / 2e3
        note = f"{version}: {quick_s:.3f} s a second bfloat16, {slow:.3f} float32"
        rows.append(Row(name, "1", value, spread, rounds, target, note=note))
    return rows


class Pipeline:
    """Sentences of set length through decoder and generator."""

    def __init__(self, model: Text2Semantic, network: Sovits) -> None:
        self.model, self.network = model, network
        width = network.ref_enc.to_style.out_features
        self.voice = torch.randn(1, width, 1, generator=torch.Generator().manual_seed(0))

    @torch.inference_mode()
    def sound(self, phones: Tensor, tokens: list[int]) -> Tensor:
        """Tokens -> samples."""
        hidden = self.network.hidden(torch.tensor([tokens]), phones[None], self.voice)
        prior = self.network.enc_p.prior(hidden)
        noise = LatentNoise(1, prior.mean.shape[1]).first(prior.mean.shape[2])
        return self.network.spoken(self.network.sample(prior, noise), self.voice)

    @torch.inference_mode()
    def plainly(self, sentences: list[Utterance]) -> int:
        """One after the other, float32, a cache that grows by concatenation, all threads in every operator."""
        total = 0
        for sentence in sentences:
            logits, kept = self.model.prefill(sentence.phones, sentence.bert_rows, sentence.prompt)
            cache, noise = GrowingCache(kept), Draw(sentence.seed, self.model.config.tokens)
            params = RowParams.of([sentence.params])
            seen = torch.zeros(1, self.model.config.tokens, dtype=torch.bool)
            seen[0, sentence.prompt] = True
            tokens: list[int] = []
            logits = logits[None]
            while len(tokens) < sentence.max_tokens:
                logits[:, self.model.config.end_token] = -torch.inf
                token, _ = draw(logits, seen, params, noise()[None], self.model.config.end_token)
                seen[0, token] = True
                tokens.append(int(token))
                if len(tokens) < sentence.max_tokens:
                    place = torch.tensor([len(sentence.prompt) + len(tokens) - 1])
                    logits = self.model.step(token, place, cache)
            total += len(self.sound(sentence.phones[-60:], tokens))
        return total

    def overlapped(self, sentences: list[Utterance]) -> int:
        """The decoder makes the next sentences' tokens while this thread makes the last one's sound."""
        scheduler = Scheduler(lambda: DecodeBatch(self.model, max_rows=1), idle_s=1)
        try:
            tickets = [scheduler.submit("bench", sentence) for sentence in sentences]
            total = 0
            for ticket in tickets:
                while not ticket.wait():
                    pass
                total += len(self.sound(ticket.utterance.phones[-60:], ticket.tokens()))
            return total
        finally:
            scheduler.close()

    @torch.inference_mode()
    def first_and_last(self, sentence: Utterance) -> tuple[float, float]:
        """Seconds until the first chunk and until the last of one streamed sentence."""
        start, first = time.perf_counter(), 0.0
        batch = DecodeBatch(self.model)
        row = batch.join(sentence)
        decoder = ChunkedDecoder(
            self.network, sentence.phones[-60:], self.voice, self.voice,
            LatentNoise(1, self.network.enc_p.proj.out_channels // 2),
        )  # fmt: skip
        wanted = chunk = FIRST_CHUNK_TOKENS
        while row.ended is None:
            batch.step()
            if len(row.tokens) >= wanted or row.ended is not None:
                decoder.push(row.tokens, last=row.ended is not None)
                first = first or time.perf_counter() - start
                chunk = next_chunk_tokens(chunk)
                wanted += chunk
        return first, time.perf_counter() - start


def pipeline_rows(rounds: int, count: int) -> list[Row]:
    """``count`` sentences end to end by the clock."""
    exact, quick = both_modes()
    plain = Pipeline(exact, engine_weights.sovits("v2"))
    quickly = Pipeline(quick, fast.fast_sovits(engine_weights.sovits("v2")))
    sentences = [utterance(170, max_tokens=SENTENCE_TOKENS, seed=i) for i in range(count)]
    seconds = count * SENTENCE_TOKENS / 25
    cores = len(os.sched_getaffinity(0))

    short = [utterance(120, max_tokens=5)]
    plain.plainly(short)
    quickly.overlapped(short)

    def plainly(threads: int) -> None:
        torch.set_num_threads(threads)
        plain.plainly(sentences)
        torch.set_num_threads(1)

    tasks: dict[str, Callable[[], object]] = {
        "one": partial(plainly, 1),
        "all": partial(plainly, cores),
        "fast": lambda: quickly.overlapped(sentences),
    }
    times = in_turns(tasks, rounds, time.perf_counter, warm=True)
    # The better of the two: on a busy machine threads wait for each other, which must not flatter the ratio.
    better = min(("one", "all"), key=lambda name: median(times[name]))
    times["plain"] = times[better]
    value, spread = ratio(times["plain"], times["fast"])
    note = (
        f"v2, {count} sentences of {SENTENCE_TOKENS / 25:.0f} s, {cores} cores; seconds a second of speech: "
        f"{median(times['fast']) / 1e3 / seconds:.2f} fast, {median(times['plain']) / 1e3 / seconds:.2f} plain"
    )
    return [Row("end_to_end_ratio", "1", value, spread, rounds, 2.5, note=note)]


def stream_rows(rounds: int) -> list[Row]:
    """One streamed sentence in the fast mode by the clock."""
    quickly = Pipeline(
        fast.fast_text2semantic(engine_weights.text2semantic()), fast.fast_sovits(engine_weights.sovits("v2"))
    )
    quickly.first_and_last(utterance(120, max_tokens=FIRST_CHUNK_TOKENS + 1))
    streams = [
        quickly.first_and_last(utterance(170, max_tokens=FIRST_SENTENCE_TOKENS)) for _ in range(rounds)
    ]
    shares = [first / last for first, last in streams]
    seconds = median(first for first, _ in streams)
    note = f"one sentence of {FIRST_SENTENCE_TOKENS / 25:.0f} s: first sound after {seconds:.2f} s"
    return [
        Row("first_audio_fraction", "share", median(shares), spread_of(shares), rounds, None, "lower", note)
    ]


def rss_rows(mode: str) -> list[Row]:
    """Peak memory of one process that loads everything from files, reads a voice and speaks."""
    rows = []
    for language, target in (("en", 1500), ("zh", 2000)):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.engine", "--rss", language, mode, folder]
            subprocess.run([*command, "make"], check=True)
            speak = [*command, "speak"]
            done = [
                subprocess.run(speak, check=True, stdout=subprocess.PIPE, text=True) for _ in range(RSS_RUNS)
            ]
        peaks = [float(run.stdout.split()[-1]) for run in done]
        name = f"peak_rss_mb_{language}" + ("" if mode == "fast" else f"_{mode}")
        note = f"v2, {mode} mode, one request; the largest of {RSS_RUNS} processes"
        goal = target if mode == "fast" else None
        rows.append(Row(name, "MB", max(peaks), spread_of(peaks), len(peaks), goal, "lower", note))
    return rows


def peak_rss_mb() -> float:
    """Peak of this program image. Not ``ru_maxrss``: that survives exec, so a child would report its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def rss_child(language: str, mode: str, folder: Path, action: str) -> None:
    """In a process of its own: write the models, or speak with them and print the peak."""
    torch.set_num_threads(1)
    if action == "make":
        engine_weights.write_models(folder, chinese=language == "zh")
        return
    from synth.engines.base import ReferenceClip, SpeakRequest
    from synth.gptsovits.engine import GptSovitsEngine
    from synth.gptsovits.spoken_text import Piece, Sentence
    from synth.gptsovits.store import Store

    def front_end(text: str, language: str, dictionary: object) -> list[Sentence]:
        phones = [1 + ord(letter) % 700 for letter in text for _ in range(2)]
        return [Sentence([Piece(language, text, phones, [2] * len(text))])]

    time_s = np.arange(5 * 32_000) / 32_000
    samples = (0.3 * np.sin(2 * np.pi * 150 * time_s)).astype(np.float32)
    text = "今天天气很好我们去公园走走" if language == "zh" else "a walk in the park"
    clip = ReferenceClip(samples, 32_000, text, language)
    engine = GptSovitsEngine(Store(folder), "v2", mode=mode, front_end=front_end)
    engine.speak(SpeakRequest(text, language, [clip], clip))
    engine.close()
    sys.stdout.write(f"{peak_rss_mb():.0f}\n")


GPU_NOTE = "not measured: no GPU on this machine"


def gpu_rows() -> list[Row]:
    """Named so that their absence shows."""
    names = (
        "gpu_codes_per_s_batch1",
        "gpu_codes_per_s_batch8",
        "gpu_codes_per_s_batch32",
        "gpu_codes_per_s_batch64",
        "gpu_first_audio_s",
        "gpu_peak_memory_mb",
    )
    units = ("1/s", "1/s", "1/s", "1/s", "s", "MB")
    return [Row(name, unit, None, note=GPU_NOTE) for name, unit in zip(names, units, strict=True)]


def main() -> None:
    """Measure everything and write ``docs/benchmarks/engine.json``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="of the part pipeline")
    parser.add_argument(
        "--rss", nargs=4, metavar=("LANGUAGE", "MODE", "FOLDER", "ACTION"), help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--parts", nargs="*", choices=PARTS, default=PARTS, help="keep the figures of the others"
    )
    options = parser.parse_args()
    if options.rss:
        language, mode, folder, action = options.rss
        rss_child(language, mode, Path(folder), action)
        return
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    rounds = options.rounds
    parts: dict[str, Callable[[], list[Row]]] = {
        "gpu": gpu_rows,
        "rss": partial(rss_rows, "fast"),
        "rss_fp32": partial(rss_rows, "fp32"),
        "decoder": partial(decoder_rows, rounds),
        "generator": partial(generator_rows, max(3, rounds // 4)),
        "pipeline": partial(pipeline_rows, max(3, rounds // 6), options.sentences),
        "stream": partial(stream_rows, max(3, rounds // 4)),
    }
    # A run that is cut off keeps the parts that it has finished.
    note = f"{', '.join(options.parts)}; {fast.capabilities().describe()}"
    write = merge_report if set(options.parts) < set(PARTS) else write_report
    write("engine", [Row("load_average_at_start", "1", load, None, 1, None, "lower", note)], command=COMMAND)
    for name in options.parts:
        merge_report("engine", parts[name](), command=COMMAND)


if __name__ == "__main__":
    main()
