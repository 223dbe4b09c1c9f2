"""The lock holds every package that is installed, with hashes, and is the one of this pyproject.toml."""

from __future__ import annotations

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from synth.local import bootstrap, locking
from synth.local.errors import LocalError
from tests.local.helpers import ROOT

HOW = "run `make lock` and commit requirements/"
ENTRY = re.compile(r"^([a-z0-9][a-z0-9-]*)==(\S+)(?: ; (.+?))? \\$")


def entries() -> dict[str, list[tuple[str, str, str]]]:
    """name -> (group, version, marker) of each of its entries."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for group in locking.GROUPS:
        for line in locking.path_of(ROOT, group).read_text().splitlines():
            entry = ENTRY.match(line)
            if entry:
                found.setdefault(entry[1], []).append((group, entry[2], entry[3] or ""))
    return found


LOCKED = entries()


def test_the_lock_is_that_of_the_project_file() -> None:
    locking.check(ROOT, locking.GROUPS)


def test_every_requirement_is_locked_at_a_release_that_it_allows() -> None:
    for group in locking.GROUPS:
        for line in locking.declared(ROOT, group):
            wanted = Requirement(line)
            name = canonicalize_name(wanted.name)
            if name == locking.UNLOCKED:
                continue
            assert name in LOCKED, f"{name} is not in the lock: {HOW}"
            for where, version, _ in LOCKED[name]:
                assert wanted.specifier.contains(version, prereleases=True), f"{name}: {HOW}"
                assert locking.GROUPS.index(where) <= locking.GROUPS.index(group), name


def test_what_locked_packages_need_is_locked() -> None:
    """Nothing is resolved when the lock is installed: it is installed without looking at requirements."""
    for name in [*LOCKED, locking.UNLOCKED]:
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # another platform's
            continue
        for line in needs:
            wanted = Requirement(line)
            needed = canonicalize_name(wanted.name)
            if needed == locking.UNLOCKED or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
                continue
            assert needed in LOCKED, f"{name} needs {needed}, which is not in the lock: {HOW}"
            assert any(
                wanted.specifier.contains(version, prereleases=True) for _, version, _ in LOCKED[needed]
            ), f"{name} needs {wanted}: {HOW}"


def test_torchs_own_needs_are_those_of_its_installed_release() -> None:
    needs = [Requirement(line) for line in metadata.requires("torch") or []]
    plain = {str(need) for need in needs if need.marker is None}
    assert plain == set(locking.TORCH_NEEDS)


def test_every_entry_has_hashes_and_no_file_names_where_packages_come_from() -> None:
    for group in locking.GROUPS:
        text = locking.path_of(ROOT, group).read_text()
        assert "://" not in text and "index" not in text and "torch==" not in text
        blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert len(blocks) >= locking.count(ROOT, group) > 0
        for block in blocks:
            first, *rest = block.rstrip("\n").split("\n")
            assert ENTRY.match(first), first
            assert rest and all(re.match(r"    --hash=sha256:[0-9a-f]{64}( \\)?$", line) for line in rest)


def test_a_package_stands_in_one_group() -> None:
    assert all(len({group for group, _, _ in found}) == 1 for found in LOCKED.values())
    assert set(locking.GROUPS) == {"base", *bootstrap.BENCH_EXTRAS}


def test_a_changed_project_file_is_refused_until_the_lock_is_renewed(tmp_path) -> None:
    (tmp_path / "requirements").mkdir()
    for group in locking.GROUPS:
        locking.path_of(tmp_path, group).write_bytes(locking.path_of(ROOT, group).read_bytes())
    text = (ROOT / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(text)
    locking.check(tmp_path, locking.GROUPS)
    (tmp_path / "pyproject.toml").write_text(text.replace("worker = [\n", 'worker = [\n  "new==1.0",\n'))
    with pytest.raises(LocalError, match=r"requirements/worker\): run `make lock`"):
        locking.check(tmp_path, locking.GROUPS)
    locking.check(tmp_path, ("base", "dev"))
    locking.path_of(tmp_path, "dev").unlink()
    with pytest.raises(LocalError, match="make lock"):
        locking.check(tmp_path, ("dev",))
