"""Keys are made once, closed to others, and never replaced."""

from __future__ import annotations

import pytest

from synth.local.errors import LocalError
from synth.local.keys import KEY_PURPOSES, ensure_keys, loose_permissions, read_key


def test_first_run_makes_four_distinct_keys_that_only_the_owner_reads(tmp_path):
    made = ensure_keys(tmp_path / "keys")
    assert {key.name for key in made} == set(KEY_PURPOSES)
    assert all(key.created for key in made)
    assert all(key.path.stat().st_mode & 0o777 == 0o600 for key in made)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    values = {read_key(key.path) for key in made}
    assert len(values) == 4
    assert all(len(value) == 32 for value in values)
    assert made[0].path.read_text().endswith("\n")
    assert len(list((tmp_path / "keys").iterdir())) == 4, "no scratch file is left"


def test_second_run_changes_nothing(tmp_path):
    before = {key.name: key.path.read_bytes() for key in ensure_keys(tmp_path)}
    again = ensure_keys(tmp_path)
    assert not any(key.created for key in again)
    assert {key.name: key.path.read_bytes() for key in again} == before


def test_only_the_missing_key_is_made(tmp_path):
    ensure_keys(tmp_path)
    (tmp_path / "receipt-signing.key").unlink()
    assert [key.name for key in ensure_keys(tmp_path) if key.created] == ["receipt-signing.key"]


@pytest.mark.parametrize("content", ["", "zz" * 32, "ab" * 31, "ab" * 33])
def test_a_damaged_key_stops_the_start_instead_of_being_replaced(tmp_path, content):
    ensure_keys(tmp_path)
    (tmp_path / "mark-master.key").write_text(content)
    with pytest.raises(LocalError, match=r"mark-master\.key is not a key file"):
        ensure_keys(tmp_path)
    assert (tmp_path / "mark-master.key").read_text() == content


def test_permissions_open_to_others_are_told(tmp_path):
    path = ensure_keys(tmp_path)[0].path
    assert loose_permissions(path) is None
    path.chmod(0o644)
    assert loose_permissions(path) == "0644"
