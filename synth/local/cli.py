"""The commands of ``manage.py`` that are not Django's, and the way to those that are."""

from __future__ import annotations

import argparse
import getpass
import importlib.util
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from synth.local import bootstrap, paths, programs
from synth.local.bootstrap import say
from synth.local.errors import LocalError


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    try:
        if arguments and arguments[0] in _COMMANDS:
            return _local(list(arguments))
        return _django(list(arguments))
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _local(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    return _COMMANDS[options.command](options, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py", description="Assent's own commands.")
    commands = parser.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", help="set up what is missing and run the whole service")
    up.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    up.add_argument("--port", type=int, default=8000, help="first port to try")
    up.add_argument("--tls", type=_certificate, metavar="CERT,KEY", help="serve HTTPS with these PEM files")
    up.add_argument("--quiet", action="store_true", help="programs write to their log files only")

    commands.add_parser("down", help="stop the service that runs on this data folder")
    setup = commands.add_parser("setup", help="make the environment and fetch the model files")
    setup.add_argument("--dev", action="store_true", help="with what the tests need")
    setup.add_argument("--bench", action="store_true", help="with what the tests and measurements need")
    test = commands.add_parser("test", help="lint, types, import contracts and all tests")
    test.add_argument(
        "--strict", action="store_true", help="the slow tests too; a skipped test fails the run"
    )
    test.add_argument("pytest", nargs="*", help="arguments for pytest; then only the tests run")
    lock = commands.add_parser("lock", help="renew the lock in requirements/ from pyproject.toml")
    lock.add_argument("--upgrade", action="store_true", help="take the newest releases that fit")
    commands.add_parser(
        "demo", help="a voice's life from end to end, on the running service or one of its own"
    )
    commands.add_parser("clean", help="remove the environment and caches; data and keys stay")

    web = commands.add_parser("web", help="the web process alone")
    web.add_argument("--host", default="127.0.0.1")
    web.add_argument("--port", type=int, default=8000)
    web.add_argument("--fd", type=int, help="a listening socket to take over")
    web.add_argument("--tls", type=_certificate, metavar="CERT,KEY")
    worker = commands.add_parser("worker", help="one worker alone")
    worker.add_argument("queue", choices=programs.QUEUES)
    worker.add_argument("--concurrency", type=int)
    commands.add_parser("beat", help="the clock alone")
    commands.add_parser("sequencer", help="the audit log's sequencer alone")
    healthy = commands.add_parser("healthy", help="exit status 0 while this machine's process is well")
    healthy.add_argument("process", choices=(*programs.QUEUES, "sequencer", "beat"))
    keys = commands.add_parser("keys", help="make the installation's keys at its first run, and check them")
    keys.add_argument(
        "--replace", metavar="NAME", help="make this lost key anew; what was made with the old one stays lost"
    )
    restore = commands.add_parser(
        "restore", help="make an installation from a backup, where there is none yet"
    )
    restore.add_argument("dir", type=Path, help="a backup, or a folder of backups: then the newest")
    commands.add_parser("roles", help="make the database and its roles with DATABASE_ADMIN_URL's rights")
    return parser


def _certificate(text: str) -> tuple[str, str]:
    certificate, comma, key = text.partition(",")
    if not comma or not Path(certificate).is_file() or not Path(key).is_file():
        raise argparse.ArgumentTypeError("expects two existing PEM files: certificate,key")
    return str(Path(certificate).resolve()), str(Path(key).resolve())


def _up(options: argparse.Namespace, arguments: list[str]) -> int:
    from synth.local import lock

    if lock.is_held(paths.data_dir()):  # asked first: nothing under a running service is installed or written
        raise lock.already_running(paths.data_dir())
    began_s = time.monotonic()
    bootstrap.ensure_environment()
    began_s = bootstrap.reexecute(arguments, began_s=began_s)
    from synth.local.up import Options, up

    up(Options(host=options.host, port=options.port, tls=options.tls, quiet=options.quiet, began_s=began_s))
    return 0


def _down(options: argparse.Namespace, arguments: list[str]) -> int:
    from synth.local import lock

    data_dir = paths.data_dir()
    pid, _ = lock.holder(data_dir)
    if not lock.is_held(data_dir) or pid is None:
        say(f"Nothing runs on {data_dir}.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 120
    while lock.is_held(data_dir):
        if time.monotonic() > deadline:
            raise LocalError(f"The supervisor (pid {pid}) has not stopped within two minutes.")
        time.sleep(0.1)
    say("Stopped.")
    return 0


def _setup(options: argparse.Namespace, arguments: list[str]) -> int:
    from synth.local.services import prepare_data_dir

    extras = bootstrap.TEST_EXTRAS if options.dev else bootstrap.RUN_EXTRAS
    bootstrap.ensure_environment(bootstrap.BENCH_EXTRAS if options.bench else extras)
    bootstrap.reexecute(arguments)
    prepare_data_dir(paths.data_dir())
    notice = bootstrap.fetch_models(paths.models_dir())
    say(notice or "The environment is ready.")
    return 0


def _test(options: argparse.Namespace, arguments: list[str]) -> int:
    began_s = time.monotonic()
    bootstrap.ensure_environment(bootstrap.TEST_EXTRAS)
    began_s = bootstrap.reexecute(arguments, began_s=began_s)
    from synth.local import checks

    return checks.run(strict=options.strict, pytest_arguments=options.pytest, began_s=began_s)


def _lock(options: argparse.Namespace, arguments: list[str]) -> int:
    from synth.local import locking

    bootstrap.ensure_venv()
    changed = locking.renew(
        paths.BASE_DIR,
        install=lambda arguments: bootstrap.run([*bootstrap.pip(), "install", *arguments]),
        upgrade=options.upgrade,
    )
    say(f"Renewed requirements/{', '.join(changed)}." if changed else "The lock is as it was.")
    return 0


def _demo(options: argparse.Namespace, arguments: list[str]) -> int:
    bootstrap.ensure_environment()
    bootstrap.reexecute(arguments)
    from synth.local import demo

    return demo.run([])


def _clean(options: argparse.Namespace, arguments: list[str]) -> int:
    from synth.local import lock

    if lock.is_held(paths.data_dir()):
        raise LocalError("The service is running; `make down` first.")
    caches = [
        ".venv",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".import_linter_cache",
        "build",
    ]
    for name in caches:
        shutil.rmtree(paths.BASE_DIR / name, ignore_errors=True)
    for folder in paths.BASE_DIR.rglob("__pycache__"):
        shutil.rmtree(folder, ignore_errors=True)
    say(f"Removed the environment and caches. Recordings, keys and the database stay in {paths.data_dir()}.")
    return 0


def _web(options: argparse.Namespace, arguments: list[str]) -> int:
    _enter()
    os.environ.setdefault("ASSENT_LISTEN", options.host)
    bootstrap.become(
        programs.web_command(host=options.host, port=options.port, fd=options.fd, tls=options.tls)
    )
    return 1


def _worker(options: argparse.Namespace, arguments: list[str]) -> int:
    _enter()
    for name, value in programs.share_cores().items():
        os.environ.setdefault(name, value)
    bootstrap.become(programs.worker_command(options.queue, concurrency=options.concurrency))
    return 1


def _beat(options: argparse.Namespace, arguments: list[str]) -> int:
    _enter()
    bootstrap.become(programs.beat_command(paths.data_dir()))
    return 1


def _sequencer(options: argparse.Namespace, arguments: list[str]) -> int:
    _enter()
    bootstrap.become(programs.sequencer_command(paths.MANAGE))
    return 1


def _healthy(options: argparse.Namespace, arguments: list[str]) -> int:
    from synth.local import pulse

    age_s = pulse.age_s(paths.data_dir(), options.process)
    if age_s is None or age_s > pulse.STALE_AFTER_S:
        raise LocalError(
            f"{options.process} has given no sign of life {'yet' if age_s is None else f'for {age_s:.0f} s'}."
        )
    say(f"{options.process} was well {age_s:.0f} s ago.")
    return 0


def _keys(options: argparse.Namespace, arguments: list[str]) -> int:
    from synth.local import known
    from synth.local.keys import KEY_LOSSES, KEY_PURPOSES, ensure_keys, retire_certificates
    from synth.local.services import prepare_data_dir

    if options.replace is not None:
        if options.replace not in KEY_PURPOSES:
            raise LocalError(f"There is no key {options.replace}; there are {', '.join(KEY_PURPOSES)}.")
        if (paths.keys_dir() / options.replace).exists():
            raise LocalError(
                f"{paths.keys_dir() / options.replace} is there; only a missing key is made anew."
            )
        say(KEY_LOSSES[options.replace])
        retire_certificates(paths.data_dir(), options.replace)
    prepare_data_dir(paths.data_dir())
    if known.database_url() is not None:
        _enter()  # the driver is in the environment
    database = known.keys_of_database()
    for key in ensure_keys(paths.keys_dir(), paths.data_dir(), replace=options.replace, database=database):
        say(f"{'made ' if key.created else 'there'} {key.path}: {key.purpose}")
    return 0


def _restore(options: argparse.Namespace, arguments: list[str]) -> int:
    _enter()
    from synth.local.backups import restoring

    folder = restoring.find(options.dir.resolve())
    passphrase = os.environ.get("ASSENT_BACKUP_PASSPHRASE", "")
    if not passphrase and sys.stdin.isatty():
        passphrase = getpass.getpass("Passphrase of the backup's keys: ")
    restoring.restore(folder, passphrase=passphrase or None, say=say)
    return 0


def _roles(options: argparse.Namespace, arguments: list[str]) -> int:
    _enter()
    from synth.local import roles

    variables = ("DATABASE_ADMIN_URL", "DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SEQUENCER_URL")
    missing = [name for name in variables if not os.environ.get(name)]
    if missing:
        raise LocalError(
            f"Set {', '.join(missing)}: the administrator's connection and the three to be made."
        )
    admin, *urls = (os.environ[name] for name in variables)
    database, wanted = roles.from_urls(*urls)
    for sentence in roles.prepare(admin, database=database, roles=wanted) or ["nothing to do"]:
        say(sentence)
    return 0


def _django(arguments: list[str]) -> int:
    _enter()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *arguments])
    return 0


def _enter() -> None:
    """Continue in ``.venv`` where there is one, and learn where a running ``make up`` keeps its servers."""
    if bootstrap.VENV_PYTHON.exists():
        bootstrap.reexecute(sys.argv[1:])
    if importlib.util.find_spec("django") is None:
        raise LocalError("The packages are not installed; run `make setup` first.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synth.conf.settings")
    paths.RunFile(paths.data_dir()).load()
    os.chdir(paths.BASE_DIR)


_COMMANDS = {
    "up": _up,
    "down": _down,
    "setup": _setup,
    "test": _test,
    "lock": _lock,
    "demo": _demo,
    "clean": _clean,
    "web": _web,
    "worker": _worker,
    "beat": _beat,
    "sequencer": _sequencer,
    "healthy": _healthy,
    "keys": _keys,
    "roles": _roles,
    "restore": _restore,
}
