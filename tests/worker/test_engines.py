"""The choice of the engine."""

import subprocess
import sys
import types

import pytest

from synth.engines.base import Engine
from synth.engines.preview import PreviewEngine
from synth.errors import AssentError
from synth.gptsovits import manifest
from worker import engines


@pytest.fixture
def models_dir(tmp_path):
    """A models folder with every file of v2, all of them empty."""
    for name in manifest.names_for(["v2"]):
        path = tmp_path / manifest.FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


@pytest.fixture(autouse=True)
def room(monkeypatch):
    """In place of the engine that would read the weights."""
    module = types.ModuleType("synth.gptsovits.engine")
    module.load = lambda models_dir, device, *, mode: ("loaded", models_dir, device, mode)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "synth.gptsovits.engine", module)


def test_auto_is_the_preview_without_weights(tmp_path):
    engine = engines.choose("auto", models_dir=tmp_path)
    assert isinstance(engine, PreviewEngine)
    assert isinstance(engine, Engine)
    assert engine.is_preview
    assert isinstance(engines.choose("", models_dir=tmp_path / "none"), PreviewEngine)


def test_auto_is_gpt_sovits_with_weights(models_dir):
    assert engines.choose("auto", models_dir=models_dir) == ("loaded", models_dir, "auto", "fp32")
    chosen = engines.choose("gpt-sovits", models_dir=models_dir, mode="fast", device="cpu")
    assert chosen == ("loaded", models_dir, "cpu", "fast")
    assert isinstance(engines.choose("preview", models_dir=models_dir), PreviewEngine)
    by_name = {s.name: s for s in engines.status("auto", models_dir=models_dir)}
    assert by_name["gpt-sovits"].active and by_name["gpt-sovits"].details["weights"] == "v2"
    assert not by_name["preview"].active


def test_an_incomplete_version_does_not_count(models_dir):
    next((models_dir / manifest.FOLDER).glob("*/*.pth")).unlink()
    assert isinstance(engines.choose("auto", models_dir=models_dir), PreviewEngine)


def test_a_named_engine_is_never_replaced_silently(tmp_path):
    for asked, code in (
        ({"setting": "gpt-sovits"}, "engine_unavailable"),
        ({"setting": "best"}, "unknown_engine"),
        ({"mode": "fastest"}, "engine_mode"),
    ):
        with pytest.raises(AssentError) as caught:
            engines.choose(**asked, models_dir=tmp_path)
        assert caught.value.code == code


def test_the_mode_is_named_and_what_it_lacks(models_dir, monkeypatch):
    def row(mode):
        return engines.status("auto", models_dir=models_dir, mode=mode)[0]

    assert "fp32" in row("fp32").summary and not row("fp32").mend
    monkeypatch.setattr(engines, "_has_numba", lambda: True)
    assert "compiled" in row("fast").summary and not row("fast").mend
    monkeypatch.setattr(engines, "_has_numba", lambda: False)
    assert "torch's operators" in row("fast").summary and "numba" in row("fast").mend


def test_looking_for_weights_loads_no_torch(models_dir):
    program = (
        "import sys; from worker import engines; "
        "print(engines.status('auto', models_dir=sys.argv[1], mode='fast')[0].active, "
        "'torch' in sys.modules, 'numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(models_dir)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False", "False"]


def test_status_names_what_is_missing(tmp_path):
    by_name = {s.name: s for s in engines.status("auto", models_dir=tmp_path)}
    assert not by_name["gpt-sovits"].available
    assert by_name["gpt-sovits"].mend
    assert by_name["preview"].active
    assert {c["name"] for c in by_name["preview"].details["content"]} == {
        "flite",
        "espeak-ng",
        "espeakng-loader",
    }
