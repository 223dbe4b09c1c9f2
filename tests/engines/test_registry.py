"""The choice of the engine."""

import sys
import types

import pytest

from synth.engines import registry
from synth.engines.base import Engine
from synth.engines.preview import PreviewEngine
from synth.errors import AssentError


@pytest.fixture
def weights(monkeypatch):
    """A stand-in for the GPT-SoVITS room: what it answers to ``available`` can be set."""
    module = types.ModuleType("synth.gptsovits.engine")
    module.there = True  # type: ignore[attr-defined]
    module.available = lambda models_dir: module.there  # type: ignore[attr-defined]
    module.load = lambda models_dir: ("loaded", models_dir)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "synth.gptsovits.engine", module)
    return module


def test_auto_is_the_preview_without_weights(tmp_path, weights):
    weights.there = False
    engine = registry.choose("auto", models_dir=tmp_path)
    assert isinstance(engine, PreviewEngine)
    assert isinstance(engine, Engine)
    assert engine.is_preview
    assert isinstance(registry.choose("", models_dir=tmp_path / "none"), PreviewEngine)


def test_auto_is_gpt_sovits_with_weights(tmp_path, weights):
    assert registry.choose("auto", models_dir=tmp_path) == ("loaded", tmp_path)
    assert isinstance(registry.choose("preview", models_dir=tmp_path), PreviewEngine)
    by_name = {s.name: s for s in registry.status("auto", models_dir=tmp_path)}
    assert by_name["gpt-sovits"].active
    assert not by_name["preview"].active


def test_a_named_engine_is_never_replaced_silently(tmp_path, weights):
    weights.there = False
    with pytest.raises(AssentError) as caught:
        registry.choose("gpt-sovits", models_dir=tmp_path)
    assert caught.value.code == "engine_unavailable"
    with pytest.raises(AssentError) as caught:
        registry.choose("best", models_dir=tmp_path)
    assert caught.value.code == "unknown_engine"


def test_status_names_what_is_missing(tmp_path, weights):
    weights.there = False
    by_name = {s.name: s for s in registry.status("auto", models_dir=tmp_path)}
    assert not by_name["gpt-sovits"].available
    assert by_name["gpt-sovits"].mend
    assert by_name["preview"].active
    assert {c["name"] for c in by_name["preview"].details["content"]} == {
        "flite",
        "espeak-ng",
        "espeakng-loader",
    }
