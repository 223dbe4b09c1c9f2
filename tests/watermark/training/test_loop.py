"""The loop: resuming changes nothing, what it writes loads in the product, and the loudness rule holds."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dataclasses import replace  # noqa: E402

from watermark.codec.audibility import Level  # noqa: E402
from watermark.codec.audioseal_layer import PublicMark  # noqa: E402
from watermark.training import checkpoints, material, networks  # noqa: E402
from watermark.training.loop import Trainer  # noqa: E402


def _state(trainer):
    modules = (trainer.generator, trainer.detector, *trainer._averages)
    return [value.clone() for module in modules for value in module.state_dict().values()]


def test_stopping_and_resuming_changes_nothing(tiny, tmp_path):
    straight = Trainer(tiny)
    assert not straight.run(steps=6)
    parted = replace(tiny, run_folder=str(tmp_path / "parted"))
    Trainer(parted).run(steps=3)
    resumed = Trainer(parted)
    assert resumed.step == 3
    resumed.run(steps=3)
    assert (resumed.step, resumed.level, resumed.accuracy) == (6, straight.level, straight.accuracy)
    for one, other in zip(_state(straight), _state(resumed), strict=True):
        assert torch.equal(one, other)


def test_a_run_ends_reports_and_loads_in_the_product(tiny):
    told = []
    trainer = Trainer(tiny, report=told.append)
    assert trainer.run()
    folder = Path(tiny.run_folder)
    assert [facts["step"] for facts in told] == [2, 4, 6, 8]
    assert [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()] == told
    assert all(np.isfinite(facts["loss"]) for facts in told)
    files = [*(folder / "checkpoint").iterdir(), *(folder / "stock").iterdir()]
    assert all(path.stat().st_size <= 16 * 2**20 for path in files)
    public = PublicMark.load(folder / "stock")
    speech = material.load(Path(tiny.material_folder))[0][:48_000].astype(np.float32) / 32_768
    marked = public.embed(speech, 16_000)
    assert np.isfinite(public.detect(marked, 16_000).score)
    raw, levelled = (
        float(Level().audible(torch.from_numpy(mark)[None, None], torch.from_numpy(speech)[None, None]))
        for mark in (public.residual(speech), marked - speech)
    )
    off = [abs(np.log(heard / trainer.level)) for heard in (raw, levelled)]
    assert off[1] < max(0.05, off[0])  # an untrained mark may be further off than embedding makes good


def test_another_seed_does_not_continue_a_run(tiny):
    Trainer(tiny).run(steps=1)
    with pytest.raises(ValueError, match="seed"):
        Trainer(replace(tiny, seed=tiny.seed + 1))


def test_a_large_state_is_written_in_parts(tmp_path):
    tensors = {f"t{k}": torch.full((2_000_000,), float(k)) for k in range(5)}  # 8 MB each
    checkpoints.save(tmp_path, tensors, {"step": 7})
    sizes = [path.stat().st_size for path in (tmp_path / "checkpoint").iterdir()]
    assert max(sizes) <= 16 * 2**20
    again, facts = checkpoints.load(tmp_path)
    assert facts["step"] == 7
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)


def test_a_half_written_checkpoint_is_not_taken(tmp_path):
    checkpoints.save(tmp_path, {"a": torch.ones(3)}, {"step": 1})
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")  # as if cut off between the two renames
    _, facts = checkpoints.load(tmp_path)
    assert facts["step"] == 1


def test_a_warm_start_into_a_wider_network_computes_the_same(tiny):
    torch.manual_seed(0)
    narrow = networks.build_detector(tiny.detector)
    wide = networks.build_detector(replace(tiny.detector, filters=4, last_kernel=9))
    networks.warm_start(wide, narrow.state_dict(), noise=0.0)
    x = 0.1 * torch.randn(2, 1, 3_200)
    expected, got = networks.frame_logits(narrow, x), networks.frame_logits(wide, x)
    assert torch.allclose(expected, got, atol=1e-4)
    with pytest.raises(ValueError, match="does not fit"):
        networks.warm_start(narrow, wide.state_dict())


def test_frame_logits_are_the_mean_of_the_stock_output(tiny):
    torch.manual_seed(0)
    detector = networks.build_detector(tiny.detector).eval()
    x = 0.1 * torch.randn(1, 1, 3_200)
    stock = detector.detector(x).reshape(1, -1, 10, 320).mean(-1)
    assert torch.allclose(stock, networks.frame_logits(detector, x), atol=1e-4)


def test_the_generator_follows_its_host_and_is_silent_in_silence(tiny):
    generator = networks.build_generator(tiny.generator)
    message = torch.zeros(1, networks.MESSAGE_BITS, dtype=torch.int64)
    x = 0.1 * torch.randn(1, 1, 3_200)
    mark = generator.get_watermark(x, message=message)
    assert torch.allclose(
        generator.get_watermark(0.01 * x, message=message), 0.01 * mark, rtol=1e-3, atol=1e-7
    )
    assert not generator.get_watermark(0 * x, message=message).any()


def test_an_open_message_changes_the_mark(tiny):
    generator = networks.build_generator(tiny.generator)
    networks.open_message(generator, 0.1)
    x = 0.1 * torch.randn(2, 1, 3_200)[:1].expand(2, -1, -1)
    message = torch.stack([torch.zeros(networks.MESSAGE_BITS), torch.ones(networks.MESSAGE_BITS)]).long()
    first, second = generator.get_watermark(x, message=message)
    assert not torch.allclose(first, second)
