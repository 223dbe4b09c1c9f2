"""What the mark costs: CPU seconds per second of audio, against AudioSeal's stock detector, and memory for
an hour.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.attacks import RATE
from benchmarks.marking import EPOCHS, KEYS, Marked, epoch_of
from benchmarks.report import Row, spread_of
from watermark.codec import detect, detect_blocks, read_back

_DETECTED_S = 60.0
_REPEATS = 5


def cost_rows(clips: list[Marked]) -> list[Row]:
    """Rows of embedding, detection (two epochs of 64 periods), reading back, and one hour's memory."""
    embedding = [clip.cpu_s_per_s for clip in clips]
    long = np.concatenate([clip.marked for clip in clips])[: int(_DETECTED_S * RATE)]
    unmarked = np.concatenate([clip.original for clip in clips])[: int(_DETECTED_S * RATE)]
    seconds = len(long) / RATE
    first = clips[0]

    def known() -> object:
        return read_back(
            long, RATE, record_number=first.record_number, keys=KEYS, epoch=epoch_of(first.record_number)
        )

    timed = {
        "detect_cpu_s_per_s": lambda: detect(unmarked, RATE, keys=KEYS, epochs=EPOCHS),
        "detect_marked_cpu_s_per_s": lambda: detect(long, RATE, keys=KEYS, epochs=EPOCHS),
        "read_back_cpu_s_per_s": known,
    }
    stock = _stock_audioseal(unmarked[: 10 * RATE])
    figures = {name: [_cpu(call) / seconds for _ in range(_REPEATS)] for name, call in timed.items()}
    rows = [
        Row(
            "embed_cpu_s_per_s",
            "CPU s per s",
            statistics.median(embedding),
            spread_of(embedding),
            len(embedding),
            0.06,
            "lower",
            note="strength search included, 16 kHz, one thread",
        )
    ]
    for name, values in figures.items():
        rows.append(Row(name, "CPU s per s", min(values), spread_of(values), len(values), None, "lower"))
    if stock is None:
        rows.append(
            Row("detect_ratio_audioseal", "1", None, target=20, note="audioseal or torch not installed")
        )
    else:
        ratio = stock / min(figures["detect_cpu_s_per_s"])
        note = f"stock AudioSeal detector with random weights {stock:.4f} CPU s per s, one thread, same run"
        rows.append(Row("detect_ratio_audioseal", "1", ratio, None, _REPEATS, 20, note=note))
    peak = _peak_of_an_hour()
    rows.append(
        Row(
            "one_hour_peak_rss_mb",
            "MB",
            peak,
            None,
            1,
            700,
            "lower",
            note="a fresh process detecting in 60 min at 48 kHz that arrive in blocks, two epochs",
        )
    )
    return rows


def _cpu(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


def _stock_audioseal(samples: np.ndarray) -> float | None:
    """CPU seconds per second of the package's own detector at its published size, best of three."""
    os.environ["NO_TORCH_COMPILE"] = "1"
    try:
        import torch
        from audioseal.builder import create_detector
        from audioseal.loader import AudioSeal, AudioSealDetectorConfig, load_local_model_config
    except ImportError:
        return None
    torch.set_num_threads(1)
    card = load_local_model_config("audioseal_detector_16bits")
    config = AudioSeal.parse_config(
        {k: v for k, v in card.items() if k != "checkpoint"}, config_type=AudioSealDetectorConfig, nbits=16
    )
    detector = create_detector(config).eval()
    audio = torch.from_numpy(samples)[None, None]
    with torch.inference_mode():
        detector.detect_watermark(audio)
        spent = [_cpu(lambda: detector.detect_watermark(audio)) for _ in range(3)]
    return min(spent) * RATE / len(samples)


def _peak_of_an_hour() -> float:
    """Peak resident memory in MB of a fresh process that reads an hour."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return float(pool.apply(_read_an_hour))


def _read_an_hour() -> float:
    detect_blocks(_an_hour(48_000), 48_000, keys=KEYS, epochs=EPOCHS)
    # Not getrusage: its peak is inherited from the process that started this one.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 1024
    raise OSError("this system does not tell the peak of a process")


def _an_hour(rate: int) -> Iterator[np.ndarray]:
    """Speech-like noise: bands that come and go, a new draw each ten seconds."""
    for block in range(360):
        generator = np.random.default_rng(block)
        noise = generator.normal(size=10 * rate).astype(np.float32)
        envelope = np.repeat(generator.random(100) ** 2, rate // 10).astype(np.float32)
        yield np.convolve(noise, np.ones(8, np.float32) / 8, "same") * envelope * 0.1
