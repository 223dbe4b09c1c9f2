"""Keys are made once, closed to others, never replaced, and never made anew beside what was made with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synth.local import cli, keys, paths
from synth.local.errors import LocalError
from synth.local.keys import KEY_PURPOSES, KeyFile, ensure_keys, key_file_trouble, read_key


@pytest.fixture
def ensure(tmp_path):
    """`ensure_keys` on a data folder of this test's own."""

    def call(replace: str | None = None) -> list[KeyFile]:
        return ensure_keys(tmp_path / "keys", tmp_path, replace=replace)

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "keys").iterdir()}


def test_first_run_makes_distinct_keys_that_only_the_owner_reads(tmp_path, ensure):
    made = ensure()
    assert {key.name for key in made} == set(KEY_PURPOSES)
    assert all(key.created for key in made)
    assert all(key.path.stat().st_mode & 0o777 == 0o600 for key in made)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    values = {read_key(key.path) for key in made}
    assert len(values) == len(KEY_PURPOSES)
    assert all(len(value) == 32 for value in values)
    assert made[0].path.read_text().endswith("\n")
    assert len(list((tmp_path / "keys").iterdir())) == len(KEY_PURPOSES), "no scratch file is left"


def test_second_run_changes_nothing(tmp_path, ensure):
    ensure()
    before = contents(tmp_path)
    assert not any(key.created for key in ensure())
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", KEY_PURPOSES)
def test_a_key_missing_beside_what_was_made_with_it_stops_the_start(tmp_path, ensure, name):
    ensure()
    (tmp_path / "keys" / name).unlink()
    before = contents(tmp_path)
    with pytest.raises(LocalError, match=rf"{name} is missing, but .* Without it .* Restore it"):
        ensure()
    assert contents(tmp_path) == before, "nothing was made in silence"


@pytest.mark.parametrize("data", ["pg18/PG_VERSION", "log/checkpoint", "media/recordings/one.flac"])
def test_data_of_an_earlier_release_tells_that_keys_are_missing(tmp_path, ensure, data):
    (tmp_path / data).parent.mkdir(parents=True)
    (tmp_path / data).write_text("x")
    with pytest.raises(LocalError, match=r"mark-master\.key is missing"):
        ensure()


def test_keys_of_an_earlier_release_are_taken_over(tmp_path, ensure):
    ensure()
    (tmp_path / "keys.json").unlink()
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "checkpoint").write_text("x")
    assert not any(key.created for key in ensure())
    (tmp_path / "keys" / "mark-master.key").write_text("ab" * 32 + "\n")
    with pytest.raises(LocalError, match="is not the key that"):
        ensure()


def test_a_key_that_a_release_adds_is_made_beside_the_data_of_the_one_before(tmp_path, ensure):
    ensure()
    added = tmp_path / "keys" / keys.CREDENTIALS_KEY
    added.unlink()
    (tmp_path / "keys.json").unlink()
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "checkpoint").write_text("x")
    assert [key.name for key in ensure() if key.created] == [keys.CREDENTIALS_KEY]
    added.unlink()
    with pytest.raises(LocalError, match=r"credentials-signing\.key is missing"):
        ensure()


def test_another_master_key_in_its_place_stops_the_start(tmp_path, ensure):
    ensure()
    (tmp_path / "keys" / "mark-master.key").write_text("ab" * 32 + "\n")
    with pytest.raises(LocalError, match=r"mark-master\.key is not the key that .* was made with"):
        ensure()


def test_keys_that_can_be_replaced_by_command_may_be_others(tmp_path, ensure):
    ensure()
    (tmp_path / "keys" / "log-signing.key").write_text("ab" * 32 + "\n")
    ensure()  # whether the log goes on under it is the sequencer's question


@pytest.mark.parametrize("content", ["", "zz" * 32, "ab" * 31, "ab" * 33])
def test_a_damaged_key_stops_the_start_instead_of_being_replaced(tmp_path, ensure, content):
    ensure()
    (tmp_path / "mark-master.key").write_text(content)
    (tmp_path / "keys" / "mark-master.key").write_text(content)
    with pytest.raises(LocalError, match=r"mark-master\.key is not a key file"):
        ensure()
    assert (tmp_path / "keys" / "mark-master.key").read_text() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_key_open_to_others_stops_the_start(tmp_path, ensure, mode):
    path = ensure()[0].path
    assert key_file_trouble(path) is None
    path.chmod(mode)
    with pytest.raises(LocalError, match=f"has mode 0{mode:o}, open to other users .* chmod 600"):
        ensure()


def test_a_key_of_somebody_else_is_not_trusted(tmp_path, ensure, monkeypatch):
    path = ensure()[0].path
    owner = path.stat().st_uid
    if owner == 0:
        os.chown(path, 4321, -1)
        assert "belongs to user 4321" in str(key_file_trouble(path))
        os.chown(path, 0, -1)
        path.chmod(0o440)
        assert key_file_trouble(path, own_uid=lambda: 1000) is None, "a secret that is mounted for our group"
        assert "mode 0440" in str(key_file_trouble(path))
    else:
        assert f"belongs to user {owner}" in str(key_file_trouble(path, own_uid=lambda: owner + 1))


def test_a_list_of_known_keys_that_cannot_be_read_stops_the_start(tmp_path, ensure):
    ensure()
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(LocalError, match=r"keys\.json cannot be read"):
        ensure()


@pytest.fixture
def command(tmp_path, monkeypatch):
    """``manage.py keys ...`` on this test's data folder."""
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(paths, "keys_dir", lambda: tmp_path / "keys")
    return lambda *arguments: cli.main(["keys", *arguments])


def test_the_command_makes_a_lost_key_anew_only_when_told_to(tmp_path, ensure, command, capsys):
    ensure()
    before = contents(tmp_path)
    (tmp_path / "keys" / "mark-master.key").unlink()
    assert command() == 1
    assert "manage.py keys --replace mark-master.key" in capsys.readouterr().err
    assert command("--replace", "receipt-signing.key") == 1
    assert "is there; only a missing key" in capsys.readouterr().err
    assert command("--replace", "no.key") == 1
    assert command("--replace", "mark-master.key") == 0
    assert "no file released until now can be recognised" in capsys.readouterr().out
    after = contents(tmp_path)
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == ["mark-master.key"]
    assert command() == 0, "the new key is the one that is known now"


def test_every_key_says_what_its_loss_costs():
    assert keys.KEY_LOSSES.keys() == keys.KEY_PURPOSES.keys()
