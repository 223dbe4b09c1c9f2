"""Which precision is chosen where nobody chose one."""

from __future__ import annotations

import pytest

from synth.gptsovits import engine, modes

WITH = "processor\t: 0\nflags\t\t: fpu avx512_vnni avx512_bf16 sse2\n"
WITHOUT = "processor\t: 0\nflags\t\t: fpu avx512_vnni sse2\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    def set_up(cpuinfo: str | None, numba: bool = True) -> None:
        path = tmp_path / "cpuinfo"
        if cpuinfo is not None:
            path.write_text(cpuinfo)
        monkeypatch.setattr(modes, "_CPUINFO", path)
        monkeypatch.setattr(modes, "has_numba", lambda: numba)
        modes._multiplies_in_bfloat16.cache_clear()

    yield set_up
    modes._multiplies_in_bfloat16.cache_clear()


@pytest.mark.parametrize(
    ("cpuinfo", "numba", "device", "mode"),
    [
        (WITH, True, "cpu", "fast"),
        (WITH, False, "cpu", "fp32"),
        (WITH, True, "cuda", "fp32"),
        (WITHOUT, True, "cpu", "fp32"),
        (None, True, "cpu", "fp32"),  # a system without that file
    ],
)
def test_auto_is_fast_where_the_processor_multiplies_in_bfloat16(machine, cpuinfo, numba, device, mode):
    machine(cpuinfo, numba)
    assert modes.resolved("auto", device) == mode
    assert modes.resolved("fp32", device) == "fp32" and modes.resolved("fast", device) == "fast"


def test_the_engine_follows_the_machine_and_the_setting(machine, models_dir):
    machine(WITHOUT)
    chosen = engine.load(models_dir, "cpu")
    assert (chosen.mode, chosen.version) == ("fp32", "v2-fp32")
    chosen.close()
