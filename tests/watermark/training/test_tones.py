"""Spreading a mark over the spectrum: the same at several places, and a phase of its own in the training."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermark.training import tones  # noqa: E402
from watermark.training.loop import Trainer  # noqa: E402

RATE = 16_000


def _tone(hz, envelope):
    time = np.arange(len(envelope)) / RATE
    return torch.from_numpy((envelope * np.sin(2 * np.pi * hz * time)).astype(np.float32))[None, None]


@pytest.mark.parametrize("hz", [1_000, 2_000, 4_000])
def test_a_tone_is_said_again_at_every_place_in_its_size(hz):
    time = np.arange(RATE) / RATE
    envelope = 0.1 * (1 + np.sin(2 * np.pi * 3 * time)) * (time > 0.2)
    tone = _tone(hz, envelope)
    made = tones.spread(tone)[0, 0].numpy()
    assert np.abs(made[RATE // 20 : RATE // 7]).max() < 0.02  # silent where the tone was
    before, spectrum = (np.abs(np.fft.rfft(samples)) for samples in (tone[0, 0].numpy(), made))
    for place_hz, factor in tones.PLACES:
        near, original = spectrum[place_hz - 20 : place_hz + 20], before[hz - 20 : hz + 20]  # 1 Hz a bin
        assert np.linalg.norm(near) == pytest.approx(factor * np.linalg.norm(original), rel=0.05)
    outside = np.ones_like(spectrum, bool)
    for place_hz, _ in tones.PLACES:
        outside[place_hz - 60 : place_hz + 60] = False
    assert (spectrum[outside] ** 2).sum() < 0.01 * (spectrum**2).sum()


def test_what_is_missed_does_not_depend_on_how_loud_it_is():
    wanted = torch.randn(3, 1, 640, generator=torch.Generator().manual_seed(1))
    made = wanted + 0.3 * torch.randn(3, 1, 640, generator=torch.Generator().manual_seed(2))
    assert float(tones.missed(wanted, wanted)) < 0.06
    assert float(tones.missed(made, wanted)) == pytest.approx(
        float(tones.missed(1e-3 * made, 1e-3 * wanted)), rel=1e-3
    )


def _copies(trainer):
    return [
        {name: value.clone() for name, value in network.state_dict().items()}
        for network in (trainer.generator, trainer.detector, *trainer._averages)
    ]


def _same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_only_the_generator_learns_what_is_taught_and_it_is_taken_over_whole(tiny):
    loud, quiet = tiny.phases
    taught = replace(quiet, name="places", loudness="taught", steps=3)
    trainer = Trainer(replace(tiny, phases=(loud, taught, quiet)))
    trainer.run(steps=loud.steps + 1)
    before = _copies(trainer)
    trainer.run(steps=taught.steps - 1)
    after = _copies(trainer)
    assert [_same(one, other) for one, other in zip(before, after, strict=True)] == [False, True, True, True]
    trainer._enter(2, quiet)
    assert _same(_copies(trainer)[2], after[0])
    assert trainer.run()


def test_a_taught_phase_resumes_as_if_never_stopped(tiny, tmp_path):
    loud, quiet = tiny.phases
    phases = (loud, replace(quiet, loudness="taught", steps=3), quiet)
    straight = Trainer(replace(tiny, phases=phases))
    straight.run(steps=loud.steps + 4)
    parted = replace(tiny, phases=phases, run_folder=str(tmp_path / "parted"))
    for _ in range(loud.steps + 4):
        Trainer(parted).run(steps=1)
    resumed = Trainer(parted)
    assert resumed.step == straight.step
    assert all(_same(one, other) for one, other in zip(_copies(straight), _copies(resumed), strict=True))
