"""Weights arrive by hand or from a mirror, are checked, remembered, and stay what they were."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import threading
from pathlib import Path

import pytest

from synth.errors import AssentError
from synth.gptsovits import manifest, trust_record
from synth.gptsovits.checkpoint_file import WeightsError
from synth.gptsovits.store import Store

S1 = "gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt"
S2 = "gsv-v2final-pretrained/s2G2333k.pth"


@pytest.fixture
def weights(tmp_path) -> Store:
    return Store(tmp_path / "models")


def test_added_files_are_listed_and_verified(models_dir, tmp_path):
    shutil.copytree(models_dir, tmp_path / "models")
    weights = Store(tmp_path / "models")
    states = {state.file.path: state for state in weights.files()}
    assert states[S2].state == "present" and states["s1v3.ckpt"].state == "missing"
    assert states[S2].recorded.sha256 == hashlib.sha256(weights.path(S2).read_bytes()).hexdigest()
    assert weights.best_version() == "v2" and weights.verify() == []
    assert weights.missing("v2") == [] and weights.missing("v2", "zh") == [
        file.path for file in manifest.MANIFEST if "zh" in file.languages
    ]
    with weights.path(S2).open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\0\0\0")
    assert "not the file that was added" in weights.verify()[0]
    weights.path(S2).unlink()
    assert "not there" in weights.verify()[0]


def test_a_file_put_there_by_hand_is_not_trusted(weights, s2):
    weights.path(S2).parent.mkdir(parents=True)
    shutil.copy(s2, weights.path(S2))
    assert [state.state for state in weights.files() if state.file.path == S2] == ["unrecorded"]
    assert "without being added" in weights.verify()[0]
    assert weights.add(weights.folder) == [S2]
    assert weights.verify() == []


def test_adding_twice_and_adding_something_else(weights, s1, s2, tmp_path):
    source = tmp_path / "s2G2333k.pth"
    shutil.copy(s2, source)
    assert weights.add(source) == [S2] and weights.add(source) == []
    source.write_bytes(b"05" + s2.read_bytes()[2:])  # as good a file, but not the one that was trusted
    with pytest.raises(WeightsError) as caught:
        weights.add(source)
    assert caught.value.code == "weights_changed"
    wrong = tmp_path / "s2Gv2Pro.pth"
    shutil.copy(s2, wrong)
    with pytest.raises(WeightsError, match="holds a v2 checkpoint"):
        weights.add(wrong)
    shutil.copy(s1, wrong)
    with pytest.raises(WeightsError, match="holds s1 weights"):
        weights.add(wrong)
    with pytest.raises(AssentError, match="no file of the published set"):
        weights.add(tmp_path / "nothing")


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves one folder with ranges; ``cut`` drops the connection after so many bytes."""

    folder: Path
    cut: int | None = None
    ranges: list[str] = []

    def do_GET(self) -> None:
        path = self.folder / self.path.removeprefix("/hub/").replace("%3D", "=")
        if not path.is_file():
            self.send_error(404)
            return
        data, start = path.read_bytes(), 0
        if wanted := self.headers.get("Range"):
            self.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = len(data) if type(self).cut is None else start + type(self).cut
        self.wfile.write(data[start:end])

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def mirror(tmp_path, s1, s2):
    folder = tmp_path / "hub"
    for name, source in ((S1, s1), (S2, s2)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)
    handler = type("Served", (Mirror,), {"folder": folder, "cut": None, "ranges": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hub", handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_interrupted_download_goes_on(weights, mirror, s2):
    address, handler = mirror
    handler.cut = 100_000
    with pytest.raises(AssentError) as caught:
        weights.fetch(S2, address)
    assert caught.value.code == "models_fetch"
    assert not weights.path(S2).exists()
    handler.cut = None
    seen: list[int] = []
    assert weights.fetch(S2, address, lambda name, done, total: seen.append(done))
    assert handler.ranges == ["bytes=100000-"]
    assert weights.path(S2).read_bytes() == s2.read_bytes() and seen[-1] == s2.stat().st_size
    assert not weights.fetch(S2, address)
    assert weights.fetch(S1, address) and weights.verify() == []


def test_a_mirror_with_something_else(weights, mirror):
    address, handler = mirror
    (handler.folder / S2).write_text("<html>please log in</html>")
    with pytest.raises(WeightsError):
        weights.fetch(S2, address)
    assert not weights.path(S2).exists() and not list((weights.folder / "incoming").iterdir())
    with pytest.raises(AssentError, match="404"):
        weights.fetch("s1v3.ckpt", address)
    for bad in ("file:///etc", "ftp://host/x"):
        with pytest.raises(AssentError, match="http"):
            weights.fetch(S2, bad)
    with pytest.raises(AssentError, match="published set"):
        weights.fetch("../../etc/passwd", address)


def test_pairs_of_a_voice(weights, s1, s2, tmp_path):
    assert weights.pairs.get("0190") is None
    with pytest.raises(WeightsError):
        weights.pairs.add("0190", s2, s1)
    assert weights.pairs.get("0190") is None
    weights.pairs.add("0190", s1, s2)
    assert weights.pairs.get("0190").s1.read_bytes() == s1.read_bytes() and weights.verify() == []
    weights.pairs.remove("0190")
    assert weights.pairs.get("0190") is None and weights.verify() == []
    for bad in ("..", "a/b", "", "x" * 65):
        with pytest.raises(ValueError, match="identifier"):
            weights.pairs.add(bad, s1, s2)


def test_a_damaged_record_is_said_so(weights):
    weights.folder.mkdir(parents=True)
    (weights.folder / trust_record.RECORD).write_text(json.dumps({"a": 1}))
    with pytest.raises(AssentError, match="cannot be read"):
        weights.files()


def test_what_a_version_needs():
    assert "s1v3.ckpt" in manifest.names_for(["v2Pro"]) and "s1v3.ckpt" not in manifest.names_for(["v2"])
    assert not any(manifest.BERT in name for name in manifest.names_for(["v2"]))
    assert any(manifest.BERT in name for name in manifest.names_for(["v2"], ["zh"]))
