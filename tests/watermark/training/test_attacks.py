"""Edits keep shape and time and let gradients through."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermark.training import attacks  # noqa: E402


def _speechlike(count=9_600, clips=4):
    generator = np.random.default_rng(1)
    time = np.arange(count) / 16_000
    made = [np.sin(2 * np.pi * f * time) * (0.2 + np.sin(9 * time + f) ** 2) for f in (220, 450, 900, 1_700)]
    noise = 0.05 * generator.standard_normal((clips, count))
    return torch.tensor(0.1 * np.stack(made[:clips]) + noise, dtype=torch.float32)[:, None]


@pytest.mark.parametrize("edit", [edit for edit, _ in attacks.EDITS], ids=lambda edit: edit.__name__)
def test_an_edit_keeps_shape_and_lets_gradients_through(edit):
    for seed in range(3):
        torch.manual_seed(seed)
        x = _speechlike().requires_grad_()
        y = edit(x, np.random.default_rng(seed))
        assert y.shape == x.shape
        assert torch.isfinite(y).all()
        assert not torch.equal(y, x)
        (y * torch.randn_like(y)).sum().backward()
        assert torch.isfinite(x.grad).all()
        assert float(x.grad.abs().mean()) > 0.01


def test_a_drawn_edit_depends_on_its_generators_alone():
    x = _speechlike()
    results = []
    for _ in range(2):
        torch.manual_seed(9)
        results.append(attacks.edited(x, np.random.default_rng(2)))
    assert torch.equal(*results)


@pytest.mark.parametrize("seed", range(6))
def test_speed_moves_sound_and_labels_together(seed):
    x = torch.zeros(2, 1, 16_000)
    x[..., 8_000:] = 0.3 * torch.sin(torch.arange(8_000) * 0.4)
    labels = (torch.arange(16_000) >= 8_000).float().expand(2, 1, -1)
    y, moved = attacks.speed(x, labels, np.random.default_rng(seed))
    assert y.shape == x.shape == moved.shape
    border = int((moved[0, 0] == 1).nonzero()[0])
    assert abs(border - 8_000) <= 0.1 * 16_000
    loud = y[0, 0].abs()
    assert float(loud[border + 80 : border + 2_000].mean()) > 0.1
    assert float(loud[border - 2_000 : border - 80].mean()) < 0.02
    missing = moved[0, 0] == -1
    assert not y[0, 0][missing].any()


def test_room_and_filters_do_what_they_say():
    x = _speechlike()
    generator = np.random.default_rng(0)
    spectrum = torch.fft.rfft(attacks.low_pass(x, generator)).abs().square().mean((0, 1))
    assert float(spectrum[4_500:].mean()) < 0.02 * float(spectrum[:900].mean())
    spectrum = torch.fft.rfft(attacks.phone_band(x, generator)).abs().square().mean((0, 1))
    assert float(spectrum[:60].mean()) < 0.02 * float(spectrum[300:1_500].mean())
    click = torch.zeros(1, 1, 9_600)
    click[..., 100] = 1
    tail = attacks.room(click, generator)[0, 0]
    assert not tail[:100].abs().max() > 1e-5
    assert float(tail[101:].abs().max()) > 1e-3
