"""What a backup is: whole or absent, sealed with its list, read again before it counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from synth.conf.checks import backups_can_be_restored
from synth.local import keys
from synth.local.backups import dump, restoring, sealing, taking
from synth.local.backups import manifest as lists
from synth.local.errors import LocalError

PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes guessing slow would make the tests slow."""
    monkeypatch.setattr(sealing, "SCRYPT_N", 1 << 4)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> taking.Source:
    """A small data folder; the database's programs only note when they were called."""
    data = tmp_path / "data"
    data.mkdir()
    keys.ensure_keys(data / "keys", data)
    (data / "media" / "outputs").mkdir(parents=True)
    (data / "media" / "outputs" / "one.wav").write_bytes(b"one")
    (data / "log").mkdir()
    (data / "log" / "checkpoint").write_text("test/log\n12\nroot\n")
    (data / "log" / "refused").write_text("not to be copied")
    (data / "logs").mkdir()
    (data / "logs" / "web.log").write_text("not to be copied")
    monkeypatch.setattr(dump, "server_major", lambda connection: 18)
    monkeypatch.setattr(dump, "read_through", lambda archive, major: None)
    monkeypatch.setattr(dump, "dump", lambda connection, out, major: out.write_bytes(b"rows"))
    return taking.Source(data, data / "keys", tmp_path / "models", {}, "0.1.0")


def test_a_backup_holds_what_a_restore_needs_and_nothing_else(source, tmp_path):
    folder = taking.take(source, tmp_path / "backups", passphrase=PASSPHRASE)
    manifest = taking.check(folder, passphrase=PASSPHRASE)
    assert set(manifest.files) == {
        "database.dump", "data/keys.json", "data/log/checkpoint", "data/media/outputs/one.wav"
    }  # fmt: skip
    assert manifest.log_size == 12
    assert taking.open_keys(folder, PASSPHRASE) == {
        path.name: path.read_bytes() for path in source.keys_dir.glob("*.key")
    }
    assert folder.stat().st_mode & 0o077 == 0
    secret = (source.keys_dir / keys.MARK_KEY).read_text().strip()
    assert not any(secret.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_media_come_before_and_after_the_snapshot_and_the_log_before(source, tmp_path, monkeypatch):
    """A file of a row committed while the snapshot was begun, and a checkpoint that went on meanwhile."""

    def while_dumping(connection, out, major):
        out.write_bytes(b"rows")
        (source.data_dir / "media" / "outputs" / "two.wav").write_bytes(b"two")
        (source.data_dir / "media" / "outputs" / "one.wav").unlink()
        (source.data_dir / "log" / "checkpoint").write_text("test/log\n13\nroot\n")

    monkeypatch.setattr(dump, "dump", while_dumping)
    folder = taking.take(source, tmp_path / "backups", passphrase=PASSPHRASE)
    assert (folder / "data/media/outputs/one.wav").read_bytes() == b"one"
    assert (folder / "data/media/outputs/two.wav").read_bytes() == b"two"
    assert lists.Manifest.read(folder).log_size == 12


def test_a_key_replaced_meanwhile_begins_the_snapshot_anew(source, tmp_path, monkeypatch):
    calls = []

    def while_dumping(connection, out, major):
        out.write_bytes(b"rows")
        calls.append(1)
        if len(calls) == 1:
            (source.keys_dir / "log-signing.key").write_text("cd" * 32 + "\n")

    monkeypatch.setattr(dump, "dump", while_dumping)
    folder = taking.take(source, tmp_path / "backups", passphrase=PASSPHRASE)
    assert len(calls) == 2
    assert taking.open_keys(folder, PASSPHRASE)["log-signing.key"] == ("cd" * 32 + "\n").encode()


def test_a_failed_backup_leaves_nothing_and_the_earlier_one_stays(source, tmp_path, monkeypatch):
    earlier = taking.take(source, tmp_path / "backups", passphrase=PASSPHRASE)

    def fail(connection, out, major):
        raise LocalError("pg_dump failed: no space")

    monkeypatch.setattr(dump, "dump", fail)
    with pytest.raises(LocalError, match="no space"):
        taking.take(source, tmp_path / "backups", passphrase=PASSPHRASE)
    assert [path for path in (tmp_path / "backups").iterdir() if path.is_dir()] == [earlier]


def test_unchanged_files_are_linked_and_old_backups_go(source, tmp_path):
    parent = tmp_path / "backups"
    first, second = (taking.take(source, parent, passphrase=PASSPHRASE) for _ in range(2))
    name = "data/media/outputs/one.wav"
    assert (first / name).stat().st_ino == (second / name).stat().st_ino
    assert taking.prune(parent, 1) == [first]
    taking.check(second, passphrase=PASSPHRASE)
    assert restoring.find(parent) == second


def test_a_file_that_went_bad_in_the_earlier_backup_is_copied_anew(source, tmp_path):
    parent = tmp_path / "backups"
    name = "data/media/outputs/one.wav"
    first = taking.take(source, parent, passphrase=PASSPHRASE)
    (first / name).write_bytes(b"bad")
    second = taking.take(source, parent, passphrase=PASSPHRASE)
    assert (second / name).read_bytes() == b"one"


def test_a_file_that_is_gone_from_the_earlier_backup_is_copied_anew(source, tmp_path):
    parent = tmp_path / "backups"
    name = "data/media/outputs/one.wav"
    first = taking.take(source, parent, passphrase=PASSPHRASE)
    (first / name).unlink()
    second = taking.take(source, parent, passphrase=PASSPHRASE)
    assert (second / name).read_bytes() == b"one" and name in lists.Manifest.read(second).files


def test_a_disk_without_links_takes_copies(source, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("no links here")

    parent = tmp_path / "backups"
    taking.take(source, parent, passphrase=PASSPHRASE)
    monkeypatch.setattr(taking.os, "link", refuse)
    second = taking.take(source, parent, passphrase=PASSPHRASE)
    assert (second / "data/media/outputs/one.wav").read_bytes() == b"one"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: (folder / "data/media/outputs/one.wav").write_bytes(b"two"), "not what was written"),
        (lambda folder: (folder / "database.dump").unlink(), "cannot be read"),
        (lambda folder: (folder / "data" / "added").write_bytes(b"x"), "not on the list"),
    ],
)
def test_a_damaged_backup_is_refused(source, tmp_path, damage, sentence):
    folder = taking.take(source, tmp_path / "backups", passphrase=PASSPHRASE)
    damage(folder)
    with pytest.raises(LocalError, match=sentence):
        taking.check(folder, passphrase=PASSPHRASE)


def test_keys_open_only_with_their_passphrase_and_their_list(source, tmp_path):
    folder = taking.take(source, tmp_path / "backups", passphrase=PASSPHRASE)
    with pytest.raises(LocalError, match="do not open"):
        taking.open_keys(folder, "another passphrase")
    content = json.loads((folder / lists.MANIFEST).read_text())
    content["log_size"] = 11
    (folder / lists.MANIFEST).write_text(json.dumps(content))
    with pytest.raises(LocalError, match="do not open"):
        taking.open_keys(folder, PASSPHRASE)
    with pytest.raises(LocalError, match="at least 12"):
        sealing.seal({}, passphrase="short", bound_to=b"")


@pytest.mark.parametrize("asked", [{"n": 1 << 30}, {"r": 1 << 20}, {"p": 1 << 20}])
def test_sealed_keys_may_not_ask_for_all_of_the_machine(asked):
    header = {"n": 16, "r": 8, "p": 1, "salt": "00" * 16, "nonce": "00" * 12} | asked
    data = b"assent sealed keys 1\n" + json.dumps(header).encode() + b"\n" + bytes(32)
    with pytest.raises(LocalError, match="out of range"):
        sealing.unseal(data, passphrase=PASSPHRASE, bound_to=b"")
    with pytest.raises(LocalError, match="another form"):
        sealing.unseal(data[1:], passphrase=PASSPHRASE, bound_to=b"")


def test_a_restore_writes_nothing_over_an_installation(source, tmp_path, monkeypatch):
    folder = taking.take(source, tmp_path / "backups", passphrase=PASSPHRASE)
    monkeypatch.setenv("ASSENT_DATA_DIR", str(source.data_dir))
    monkeypatch.delenv("ASSENT_KEYS_DIR", raising=False)
    before = {path: path.stat().st_mtime_ns for path in source.data_dir.rglob("*")}
    with pytest.raises(LocalError, match="is not empty"):
        restoring.restore(folder, passphrase=PASSPHRASE, say=lambda text: None)
    assert {path: path.stat().st_mtime_ns for path in source.data_dir.rglob("*")} == before


def test_a_restore_into_a_shared_folder_of_models_stops_before_the_first_byte(source, tmp_path, monkeypatch):
    weights = source.models_dir / "voices" / "own.ckpt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    source = replace(source, models=("voices",))
    folder = taking.take(source, tmp_path / "backups", passphrase=PASSPHRASE)
    monkeypatch.setenv("ASSENT_DATA_DIR", str(tmp_path / "new"))
    monkeypatch.setenv("ASSENT_MODELS_DIR", str(source.models_dir))
    for name in ("ASSENT_KEYS_DIR", "DATABASE_URL", "DATABASE_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)
    restoring._require_empty(folder, has_keys=True)  # the same weights may stay
    weights.write_bytes(b"another")
    with pytest.raises(LocalError, match=r"own\.ckpt is another file already"):
        restoring.restore(folder, passphrase=PASSPHRASE, say=lambda text: None)
    assert not (tmp_path / "new").exists() and weights.read_bytes() == b"another"


@pytest.mark.parametrize("passphrase", ["", "short"])
def test_a_nightly_backup_without_a_good_passphrase_stops_the_start(settings, passphrase):
    settings.ASSENT_BACKUP_DIR = "/somewhere"
    settings.ASSENT_BACKUP_PASSPHRASE = passphrase
    assert [error.id for error in backups_can_be_restored(None)] == ["assent.E005"]
    settings.ASSENT_BACKUP_PASSPHRASE = PASSPHRASE
    assert backups_can_be_restored(None) == []


def test_an_unfinished_restore_does_not_start(tmp_path):
    keys.restoring_mark(tmp_path).touch()
    with pytest.raises(LocalError, match="was not finished"):
        keys.ensure_keys(tmp_path / "keys", tmp_path)
