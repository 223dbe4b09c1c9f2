"""Parts of `make up` and of the bootstrap that need no running service."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from synth.local import bootstrap, cli, lock, locking, paths, programs, up
from synth.local.errors import LocalError
from tests.local.helpers import ROOT


def write_project(folder: Path, text: str) -> None:
    """A pyproject.toml and a lock made from it, of one package a group."""
    (folder / "pyproject.toml").write_text(text)
    (folder / "requirements").mkdir(exist_ok=True)
    for group in locking.GROUPS:
        block = f"{group}==1 \\\n    --hash=sha256:{'0' * 64}\n"
        locking.path_of(folder, group).write_text(locking._file(folder, group, [block]))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project folder of its own, with nothing installed."""
    text = '[project]\ndependencies = ["a==1"]\n[project.optional-dependencies]\n'
    text += 'worker = ["torch==2.13.0"]\nembedded = ["b==1"]\nfast = ["e==1"]\ndev = ["c"]\nbench = ["d"]\n'
    write_project(tmp_path, text)
    monkeypatch.setattr(bootstrap, "BASE_DIR", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)  # without uv
    run = bootstrap.run  # environments without pip are made in a tenth of the time
    monkeypatch.setattr(bootstrap, "run", lambda command: run([*command, "--without-pip"]))
    return tmp_path


# -- the environment --


def test_torch_is_pinned_exactly_and_installed_beside_the_lock():
    assert locking.unlocked(ROOT, "worker") == ["torch==2.13.0"]
    assert not any("://" in line for group in locking.GROUPS for line in locking.declared(ROOT, group))


def test_an_environment_is_made_once_and_filled_again_when_the_lock_changes(project, monkeypatch):
    installed = []
    monkeypatch.setattr(bootstrap, "_install", lambda group, place: installed.append(group))
    assert bootstrap.ensure_environment() == project / ".venv" / "bin" / "python"
    made = (project / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    bootstrap.ensure_environment()
    assert installed == ["base", "worker", "embedded", "fast"], "the second call is instant"
    bootstrap.ensure_environment(bootstrap.TEST_EXTRAS)
    bootstrap.ensure_environment(bootstrap.RUN_EXTRAS)
    assert installed[4:] == ["dev"], "what the tests need includes what running needs"
    bootstrap.ensure_environment(bootstrap.BENCH_EXTRAS)
    bootstrap.ensure_environment(bootstrap.TEST_EXTRAS)
    assert installed[5:] == ["bench"], "what measuring needs includes what the tests need"
    text = (project / "pyproject.toml").read_text()
    write_project(project, text.replace("torch==2.13.0", "torch==2.13.1"))
    bootstrap.ensure_environment()
    assert installed[6:] == ["worker"], "only the group that changed"
    write_project(project, text)
    bootstrap.ensure_environment()
    assert installed[7:] == ["worker"], "going back is a change too"
    assert (project / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made


def test_a_lock_of_another_project_file_is_refused_before_anything_is_installed(project):
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("a==1", "a==2"))
    with pytest.raises(LocalError, match="run `make lock`"):
        bootstrap.ensure_environment()
    assert not (project / ".venv").exists()


def test_a_failed_installation_is_tried_again(project, monkeypatch):
    def fail(group, place):
        if group == "embedded":
            raise LocalError("This failed")

    monkeypatch.setattr(bootstrap, "_install", fail)
    with pytest.raises(LocalError):
        bootstrap.ensure_environment()
    calls = []
    monkeypatch.setattr(bootstrap, "_install", lambda group, place: calls.append(group))
    bootstrap.ensure_environment()
    assert calls == ["embedded", "fast"], "what was installed before the failure is not installed again"


def test_installing_says_what_and_how_much(project, monkeypatch, capsys):
    """Each group has its line, with its number of packages; afterwards what it took, and every pip gets hashes."""
    commands = []

    def run(command):
        commands.append(command)
        (project / ".venv" / f"file{len(commands)}").write_bytes(bytes(2_000_000))

    (project / ".venv").mkdir()
    monkeypatch.setattr(bootstrap, "_works", lambda: True)
    monkeypatch.setattr(bootstrap, "run", run)
    bootstrap.ensure_environment()
    said = capsys.readouterr().out
    assert "[1/4] the web service: 1 packages (base)" in said
    assert "[2/4] speech, marks and checks: 1 packages (worker)" in said
    assert "torch==2.13.0" in said
    assert said.count("done: 2 MB in 0 s") == 3 and "done: 4 MB" in said
    *locked, last = [commands[0], commands[1], *commands[3:], commands[2]]
    assert all("--require-hashes" in command and "--no-deps" in command for command in locked)
    assert last[-1] == "torch==2.13.0"


def test_a_long_installation_gives_a_sign_of_life_and_a_failed_one_is_told(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "_PROGRESS_EVERY_S", 0.05)
    bootstrap.run([sys.executable, "-S", "-c", "import time; time.sleep(0.3)"])
    assert "... 0 s" in capsys.readouterr().out
    with pytest.raises(LocalError, match=r"failed \(exit 3\)"):
        bootstrap.run([sys.executable, "-S", "-c", "raise SystemExit(3)"])


def test_the_time_of_a_command_is_counted_from_before_its_set_up(monkeypatch):
    seen = []
    monkeypatch.setattr(bootstrap, "become", seen.append)
    monkeypatch.setattr(bootstrap, "VENV", Path("/elsewhere"))
    bootstrap.reexecute(["up"], began_s=12.5)
    assert seen and seen[0][-1] == "up"
    monkeypatch.setattr(bootstrap, "VENV", Path(sys.prefix))
    assert bootstrap.reexecute(["up"], began_s=99.0) == 12.5, "what the process before this one handed on"
    assert bootstrap.reexecute(["up"], began_s=99.0) == 99.0, "and only once: children begin their own"


def test_another_folders_note_of_what_is_installed_is_not_believed(project, monkeypatch, tmp_path):
    installed = []
    monkeypatch.setattr(bootstrap, "_install", lambda group, place: installed.append(group))
    bootstrap.ensure_environment()
    stamp, copy = project / ".venv" / "assent-installed.json", tmp_path / "copy"
    copy.hardlink_to(stamp)
    before = copy.read_text()
    stamp.write_text(before.replace(str(project), "/elsewhere"))
    bootstrap.ensure_environment()
    assert installed == ["base", "worker", "embedded", "fast"] * 2
    assert "/elsewhere" in copy.read_text(), "and what is linked to it is not written through"


def test_a_moved_environment_is_made_anew(project, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "_install", lambda group, place: None)
    bootstrap.ensure_environment()
    (project / ".venv" / "bin" / "python").unlink()
    (project / ".venv" / "bin" / "python").symlink_to(project / "gone")
    bootstrap.ensure_environment()
    assert "does not work here" in capsys.readouterr().out
    assert subprocess.run([project / ".venv" / "bin" / "python", "-c", ""], check=False).returncode == 0


def test_two_set_ups_at_once_wait_for_each_other(project, monkeypatch):
    inside, overlaps = [], []

    def install(group, place):
        inside.append(1)
        overlaps.append(len(inside))
        threading.Event().wait(0.05)
        inside.pop()

    monkeypatch.setattr(bootstrap, "_install", install)
    monkeypatch.setattr(bootstrap, "_works", lambda: True)
    (project / ".venv").mkdir()
    threads = [threading.Thread(target=bootstrap.ensure_environment) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == [1] * len(("base", *bootstrap.RUN_EXTRAS)), "one installs, the others find it done"


def test_pips_folders_of_wheels_are_given_to_uv_where_they_exist(tmp_path, monkeypatch):
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path} {tmp_path / 'missing'}")
    assert bootstrap._uv_find_links() == ["--find-links", str(tmp_path)]
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    assert bootstrap._uv_find_links() == []


def test_missing_weights_are_told_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", Path(sys.executable))
    monkeypatch.setenv("ASSENT_MODELS", "speaker")
    monkeypatch.setattr(bootstrap, "pip_command", lambda: [sys.executable, "-m", "pip"])
    notice = bootstrap.fetch_models(tmp_path / "models")
    assert notice is not None
    assert "speaker-ge2e.pt could not be fetched" in notice, "why"
    assert "every consent recording waits for a reviewer" in notice, "what it means"
    assert "`manage.py models fetch`" in notice, "what to do"
    assert "\n" not in notice


def test_models_none_fetches_nothing_and_says_what_that_means(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASSENT_MODELS", "none")
    monkeypatch.setattr(bootstrap, "pip_command", lambda: ["must-not-run"])
    notice = bootstrap.fetch_models(tmp_path / "models")
    assert notice is not None
    assert "ASSENT_MODELS leaves them out" in notice
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("ASSENT_MODELS", "speaker,kokoroo")
    with pytest.raises(LocalError, match="names kokoroo"):
        bootstrap.fetch_models(tmp_path / "models")


# -- before anything is installed --


def test_own_commands_need_only_the_standard_library(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        " import synth.local.cli, synth.local.up, synth.local.checks, synth.local.services;"
        " print([name for name in ('psycopg2', 'redis', 'django', 'celery', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(ROOT)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_django_command_without_packages_says_what_to_do(tmp_path):
    (tmp_path / "synth").symlink_to(ROOT / "synth")
    (tmp_path / "manage.py").write_text((ROOT / "manage.py").read_text())
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path;"
        " from synth.local import bootstrap, cli;"
        " bootstrap.VENV_PYTHON = Path(sys.argv[1]) / 'none'; sys.exit(cli.main(['migrate']))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "The packages are not installed; run `make setup` first."


def test_manage_py_is_readable_by_pythons_that_are_too_old():
    import ast

    for feature_version in ((3, 7), (3, 8)):
        ast.parse((ROOT / "manage.py").read_text(), feature_version=feature_version)


# -- ports and addresses --


def test_a_port_in_use_is_said_and_the_next_is_taken(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with up.listen("127.0.0.1", port) as listener:
            assert listener.getsockname()[1] > port
    assert f"Port {port} is in use; trying {port + 1}" in capsys.readouterr().out


def test_an_address_that_is_not_ours_is_refused_at_once():
    with pytest.raises(LocalError):
        up.listen("no-such-host.invalid", 8000)


def test_the_printed_address_is_localhost_which_browsers_trust(monkeypatch):
    monkeypatch.delenv("ASSENT_BASE_URL", raising=False)
    with up.listen("127.0.0.1", 20000) as listener:
        port = listener.getsockname()[1]
        assert up.base_url(listener, up.Options()) == f"http://localhost:{port}"
        assert up.base_url(listener, up.Options(tls=("a", "b"))) == f"https://localhost:{port}"
        monkeypatch.setenv("ASSENT_BASE_URL", "https://voice.example")
        assert up.base_url(listener, up.Options()) == "https://voice.example"


# -- commands --


def test_every_program_of_the_product_is_a_command_of_manage_py():
    parser = cli._parser()
    for program in programs.product(7):
        options = parser.parse_args(list(program.arguments))
        assert options.command in cli._COMMANDS
    assert {program.name for program in programs.product(7)} == {
        "web",
        "speech",
        "checks",
        "sequencer",
        "beat",
    }


def test_torch_never_meets_celerys_prefork_pool():
    for queue in programs.QUEUES:
        command = programs.worker_command(queue)
        assert command[command.index("--pool") + 1] == "threads"


def test_down_with_nothing_running(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASSENT_DATA_DIR", str(tmp_path))
    assert cli.main(["down"]) == 0
    assert "Nothing runs" in capsys.readouterr().out


def test_down_ends_the_holder_of_the_lock(tmp_path, monkeypatch, capsys):
    script = (
        "import signal, sys; from pathlib import Path; from synth.local.lock import DataLock\n"
        "lock = DataLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); signal.pause()"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"held\n"
    monkeypatch.setenv("ASSENT_DATA_DIR", str(tmp_path))
    assert lock.is_held(tmp_path)
    assert cli.main(["down"]) == 0
    assert holder.wait(10) != 0
    assert not lock.is_held(tmp_path)


def test_a_left_over_lock_file_does_not_name_a_stranger_to_down(tmp_path, monkeypatch, capsys):
    """A killed supervisor leaves its id in the file; that id may be somebody else's by now."""
    (tmp_path / "up.lock").write_text(f"{os.getpid()}\nhttp://localhost:8000\n")
    monkeypatch.setenv("ASSENT_DATA_DIR", str(tmp_path))
    assert cli.main(["down"]) == 0
    assert "Nothing runs" in capsys.readouterr().out


def test_clean_refuses_while_the_service_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASSENT_DATA_DIR", str(tmp_path))
    held = lock.DataLock(tmp_path)
    held.acquire()
    try:
        assert cli.main(["clean"]) == 1
    finally:
        held.release()
    assert "make down" in capsys.readouterr().err


def test_commands_beside_a_running_service_find_its_servers(tmp_path, monkeypatch):
    run_file = paths.RunFile(tmp_path)
    run_file.write({"DATABASE_URL": "d", "DATABASE_OWNER_URL": "o", "REDIS_URL": "r"})
    assert run_file.path.stat().st_mode & 0o777 == 0o600
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    run_file.load()
    assert [os.environ[name] for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")] == [
        "d",
        "o",
        "r",
    ]


def test_a_database_of_ones_own_is_never_mixed_with_the_running_services_roles(tmp_path, monkeypatch):
    run_file = paths.RunFile(tmp_path)
    run_file.write({"DATABASE_URL": "d", "DATABASE_OWNER_URL": "o", "REDIS_URL": "r"})
    monkeypatch.setenv("DATABASE_URL", "mine")
    monkeypatch.delenv("DATABASE_OWNER_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    run_file.load()
    assert os.environ["DATABASE_URL"] == "mine"
    assert "DATABASE_OWNER_URL" not in os.environ
    run_file.remove()
    assert not run_file.path.exists()
    run_file.load()


def test_prepared_facts_are_the_last_line_of_what_prepare_prints(monkeypatch):
    """Migrations and their warnings may print before it."""
    facts = {"admin_link": None, "active": ["Engine preview"]}
    answer = subprocess.CompletedProcess([], 0, stdout=f"something\n{json.dumps(facts)}\n")
    monkeypatch.setattr(up.subprocess, "run", lambda *args, **kwargs: answer)
    assert up.prepare_instance({}) == facts
