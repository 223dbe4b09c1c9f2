"""Loudness, losses and the arithmetic of figures."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermark.codec.audibility import Level  # noqa: E402
from watermark.training import evaluation, losses  # noqa: E402


def _pair():
    torch.manual_seed(0)
    host = 0.1 * torch.randn(3, 1, 16_000) * torch.linspace(0.2, 1, 16_000)
    return host, torch.randn(3, 1, 16_000) * torch.tensor([1.0, 5.0, 0.2])[:, None, None]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_every_clip_is_brought_to_the_audible_level(scale):
    host, mark = _pair()
    level = Level()
    gain = level.audible_gain(scale * mark[:1], host[:1], 0.3)
    assert float(level.audible(gain * scale * mark[:1], host[:1])) == pytest.approx(0.3, abs=0.01)


def test_a_louder_network_gains_nothing():
    host, mark = _pair()
    mark.requires_grad_()
    made = Level().audible_gain(mark, host, 0.3) * mark
    (slope,) = torch.autograd.grad(made.square().sum(), mark)
    assert abs(float((slope * mark.detach()).sum())) < 0.1 * float(made.detach().square().sum())


def test_louder_marks_are_more_audible_and_have_a_higher_ratio():
    host, mark = _pair()
    level = Level()
    marks = [0.001 * factor * mark for factor in (1, 3, 10)]
    heard = [float(level.audible(m, host).mean()) for m in marks]
    assert heard == sorted(heard)
    ratios = [float(level.ratio_db(m, host).mean()) for m in marks]
    assert ratios[2] - ratios[0] == pytest.approx(20, abs=0.01)
    gain = level.ratio_gain(mark, host, -12.0)
    reached = level.ratio_db(gain * mark, host)
    assert float(reached.mean() + 0.5 * reached.std()) == pytest.approx(-12, abs=0.01)


def test_presence_is_rewarded_where_it_counts():
    labels = torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, -1]])
    right = torch.tensor([[5.0, 5, 5, 5], [-5, -5, -5, 5]])
    assert float(losses.presence_loss(right, labels)) < 0.02  # the last frame does not count
    assert float(losses.presence_loss(-right, labels)) > 5


def test_bits_are_read_from_marked_frames_only():
    message = torch.tensor([[0, 1], [1, 1]])
    labels = torch.zeros(2, 40)
    labels[0, :20] = 1
    logits = torch.zeros(2, 2, 40)
    logits[0, 0, :20], logits[0, 1, :20] = -4, 4
    logits[0, :, 20:] = torch.tensor([9.0, -9.0])[:, None]  # outside the mark, and wrong
    loss, right = losses.message_loss(logits, labels, message)
    assert float(right) == 1
    assert float(loss) < 0.05


def test_a_threshold_lets_the_wanted_share_pass():
    scores = np.random.default_rng(0).permutation(1_000).astype(float)
    for rate in (0.0, 1e-3, 1e-2):
        threshold = evaluation.threshold_at(scores, rate)
        assert (scores > threshold).sum() == round(rate * 1_000)


def test_intervals_of_shares():
    low, high = evaluation.wilson(0, 3_000)
    assert low == 0
    assert high == pytest.approx(0.00128, abs=1e-5)
    low, high = evaluation.wilson(95, 100)
    assert (low, high) == (pytest.approx(0.888, abs=1e-3), pytest.approx(0.978, abs=1e-3))
    values = [1.0] * 50 + [0.0] * 50
    alike = evaluation.bootstrap(values, [str(k // 50) for k in range(100)])
    apart = evaluation.bootstrap(values, [str(k) for k in range(100)])
    assert alike == (0, 1)  # two sources say little, however many pieces each gives
    assert apart[1] - apart[0] < 0.25


def test_overlap_and_distortion():
    assert evaluation.overlap([(1.0, 2.0)], (1.0, 2.0), 5.0) == 1
    assert evaluation.overlap([(1.5, 2.5)], (1.0, 2.0), 5.0) == pytest.approx(1 / 3, abs=1e-3)
    assert evaluation.overlap([], (1.0, 2.0), 5.0) == 0
    x = np.random.default_rng(0).standard_normal(16_000)
    noise = np.random.default_rng(1).standard_normal(16_000)
    assert evaluation.si_snr_db(x, 3 * (x + 0.1 * noise)) == pytest.approx(20, abs=0.3)


def test_edits_for_quick_figures():
    x = np.sin(2 * np.pi * 400 * np.arange(16_000) / 16_000).astype(np.float32)
    faster = evaluation.at_speed(x, 1.05)
    assert len(faster) == round(16_000 / 1.05)
    peak_hz = np.abs(np.fft.rfft(faster)).argmax() * 16_000 / len(faster)
    assert peak_hz == pytest.approx(420, abs=1.5)
    assert np.abs(faster[2_000:-2_000]).max() == pytest.approx(1, abs=0.05)
    noisy = evaluation.white_noise(x, 20, 0)
    assert 10 * np.log10(np.mean(x**2) / np.mean((noisy - x) ** 2)) == pytest.approx(20, abs=0.2)
    assert [len(piece) for piece in evaluation.cut(np.ones(50_000, np.float32), 1.0)] == [16_000] * 3
