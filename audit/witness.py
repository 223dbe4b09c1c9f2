"""A witness: keeps a log's checkpoints on another machine, and signs only what continues the one it kept.

    python -m audit.witness key --name NAME --dir DIR
    python -m audit.witness serve --dir DIR --log VKEY [--log VKEY] [--host 127.0.0.1] [--port 8790]
    python -m audit.witness watch --dir DIR --log VKEY --url https://assent.example.org [--every 300]

`serve` answers ``POST /add-checkpoint`` as c2sp.org/tlog-witness says: the log sends its checkpoint with the proof that
it begins with the one this witness saw last, and gets a cosignature (c2sp.org/tlog-cosignature). `watch` needs no
address of its own: it asks the log and keeps what it saw; it ends with 16 (`audit.offline.Fault.HISTORY`) when the log
was cut off, rewritten or shown otherwise elsewhere.

Needs Python, `cryptography`, this file and `audit/__init__.py`, `external.py`, `merkle.py`, `note.py`, `offline.py`,
`proof.py`. What it kept lies in DIR, one file a log; whoever loses DIR begins anew, and that shows.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from audit import merkle
from audit.external import locked, write_durably
from audit.note import Checkpoint, NoteError, Verifier, Witness, open_note
from audit.offline import Fault, VerifyError, verify_growth
from audit.proof import MAX_PROOF_BYTES, Growth

KEY_FILE = "witness.key"
PORT = 8790
SIZE_TYPE = "text/x.tlog.size"
_TIMEOUT_S = 20.0


class Refused(Exception):
    """A checkpoint that is not cosigned: the answer's status, and its body."""

    def __init__(self, status: int, body: str, media_type: str = "text/plain; charset=utf-8") -> None:
        super().__init__(body)
        self.status, self.body, self.media_type = status, body, media_type


@dataclass
class Memory:
    """The last checkpoint of each log, in a folder."""

    folder: Path

    def path(self, origin: str) -> Path:
        return self.folder / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.checkpoint"

    def note(self, origin: str) -> str | None:
        try:
            return self.path(origin).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None


@dataclass
class Cosigner:
    """Decides over checkpoints of the logs that it knows, one at a time."""

    witness: Witness
    memory: Memory
    logs: Sequence[Verifier] = field(default_factory=list)

    def add_checkpoint(self, body: str, now_s: int) -> str:
        """The cosignature line for a request's body. Raises `Refused` with the status that the specification gives."""
        try:
            growth = Growth.parse(body)
            origin = growth.checkpoint.partition("\n")[0]
        except NoteError as error:
            raise Refused(400, f"{error}\n") from None
        keys = [key for key in self.logs if key.name == origin]
        if not keys:
            raise Refused(404, "this log is not known here\n")
        try:
            new = Checkpoint.open(growth.checkpoint, keys)
        except NoteError as error:
            raise Refused(403, f"{error}\n") from None
        if growth.old_size > new.size:
            raise Refused(400, "the old size is larger than the checkpoint's\n")
        with locked(self.memory.path(origin)):
            kept = self._kept(origin, keys)
            if growth.old_size != kept.size or (new.size == kept.size and new.root != kept.root):
                raise Refused(409, f"{kept.size}\n", SIZE_TYPE)
            try:
                merkle.verify_consistency(
                    old_size=kept.size,
                    old_root=kept.root,
                    new_size=new.size,
                    new_root=new.root,
                    proof=list(growth.path),
                )
            except merkle.ProofError as error:
                raise Refused(422, f"{error}\n") from None
            # On disk before it is said: a witness that forgets what it signed is none.
            write_durably(self.memory.path(origin), growth.checkpoint)
        return self.witness.cosign(open_note(growth.checkpoint, keys)[0], now_s)

    def _kept(self, origin: str, keys: Sequence[Verifier]) -> Checkpoint:
        note = self.memory.note(origin)
        return Checkpoint(origin, 0, merkle.EMPTY_ROOT) if note is None else Checkpoint.open(note, keys)


def server(cosigner: Cosigner, host: str, port: int) -> ThreadingHTTPServer:
    """An HTTP server with the one door; `serve_forever` runs it."""

    class Door(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S
        server_version, sys_version = "audit-witness", ""

        def do_POST(self) -> None:
            try:
                self._answer(200, cosigner.add_checkpoint(self._body(), int(time.time())))
            except Refused as refusal:
                self._answer(refusal.status, refusal.body, refusal.media_type)

        def _body(self) -> str:
            if self.path.rstrip("/") != "/add-checkpoint":
                raise Refused(404, "POST /add-checkpoint is all there is\n")
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit() or int(length) > MAX_PROOF_BYTES:
                raise Refused(400, f"a body of at most {MAX_PROOF_BYTES} bytes is needed\n")
            try:
                return self.rfile.read(int(length)).decode()
            except UnicodeDecodeError:
                raise Refused(400, "the body is not UTF-8\n") from None

        def _answer(self, status: int, body: str, media_type: str = "text/plain; charset=utf-8") -> None:
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return ThreadingHTTPServer((host, port), Door)


def look(memory: Memory, keys: Sequence[Verifier], url: str) -> tuple[Checkpoint | None, Checkpoint]:
    """Ask the log at ``url`` for its growth since what was kept, check it, and keep the newer checkpoint.

    Returns what was kept before and what is now. Raises `VerifyError`; OSError where the log does not answer.
    """
    origin = keys[0].name
    with locked(memory.path(origin)):
        note = memory.note(origin)
        if note is None:
            text = _get(f"{url.rstrip('/')}/audit/checkpoint")
            try:
                newer = Checkpoint.open(text, keys)
            except NoteError as error:
                raise VerifyError(Fault.SIGNATURE, f"the log's checkpoint: {error}") from None
            write_durably(memory.path(origin), text)
            return None, newer
        kept = Checkpoint.open(note, keys)
        text = _get(f"{url.rstrip('/')}/audit/growth/{kept.size}")
        newer = verify_growth(text, kept, keys)
        write_durably(memory.path(origin), Growth.parse(text).checkpoint)
        return kept, newer


def _get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the operator names it
            data: bytes = answer.read(MAX_PROOF_BYTES + 1)
    except urllib.error.HTTPError as error:
        said = error.read(2000).decode("utf-8", "replace")
        if error.code == 404 and "checkpoint_not_found" in said:
            raise VerifyError(
                Fault.HISTORY, "the log no longer reaches the checkpoint that was kept: it was cut off"
            ) from None
        raise
    if len(data) > MAX_PROOF_BYTES:
        raise VerifyError(Fault.FORMAT, "the log's answer is too long")
    return data.decode("utf-8", "replace")


# ------------------------------------------------------------------ command line
def _key(options: argparse.Namespace) -> int:
    path: Path = options.dir / KEY_FILE
    if path.exists():
        sys.stderr.write(f"{path} is there already; a witness keeps its key.\n")
        return 1
    options.dir.mkdir(parents=True, exist_ok=True)
    made = Witness(options.name, secrets.token_bytes(32))
    vkey = made.verifier.vkey  # refuses an unfit name before anything is written
    write_durably(path, f"{options.name}\n{made.seed.hex()}\n", mode=0o600)
    sys.stdout.write(f"{vkey}\n")
    return 0


def _read_key(folder: Path) -> Witness:
    name, seed = (folder / KEY_FILE).read_text(encoding="utf-8").split("\n")[:2]
    return Witness(name, bytes.fromhex(seed))


def _serve(options: argparse.Namespace) -> int:
    cosigner = Cosigner(_read_key(options.dir), Memory(options.dir), _logs(options))
    with server(cosigner, options.host, options.port) as door:
        sys.stdout.write(
            f"{cosigner.witness.verifier.vkey}\nhttp://{options.host}:{door.server_port}/add-checkpoint\n"
        )
        sys.stdout.flush()
        door.serve_forever()
    return 0


def _watch(options: argparse.Namespace) -> int:
    memory, keys = Memory(options.dir), _logs(options)
    options.dir.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            kept, newer = look(memory, keys, options.url)
            since = "" if kept is None else f", and begins with the {kept.size} that were kept"
            sys.stdout.write(f"OK: {newer.origin} has {newer.size} entries{since}\n")
        except VerifyError as error:
            sys.stderr.write(f"FAILED: {error}\n")
            return int(error.fault)
        except (OSError, http.client.HTTPException) as error:
            sys.stderr.write(f"the log does not answer: {error}\n")
            if not options.every:
                return 1
        sys.stdout.flush()
        if not options.every:
            return 0
        time.sleep(options.every)


def _logs(options: argparse.Namespace) -> list[Verifier]:
    return [Verifier.from_vkey(vkey) for vkey in options.log]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0, 1 where something is missing, or the value of a `Fault`."""
    parser = argparse.ArgumentParser(
        prog="python -m audit.witness", description=(__doc__ or "").split("\n")[0]
    )
    commands = parser.add_subparsers(required=True)
    key = commands.add_parser(
        "key", help="make the witness's key; prints the line that logs and readers need"
    )
    key.add_argument("--name", required=True, help="such as witness.example.org/1")
    key.set_defaults(run=_key)
    serve = commands.add_parser("serve", help="cosign what logs send")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=PORT)
    serve.set_defaults(run=_serve)
    watch = commands.add_parser("watch", help="ask a log, again and again, and keep what it says")
    watch.add_argument("--url", required=True, help="address of the installation")
    watch.add_argument("--every", type=float, default=0.0, help="seconds between two looks; 0: look once")
    watch.set_defaults(run=_watch)
    for command in (key, serve, watch):
        command.add_argument("--dir", type=Path, required=True, help="where the witness keeps what it saw")
    for command in (serve, watch):
        command.add_argument(
            "--log", action="append", required=True, help="verifier key of a log; every key that it had"
        )
    options: Any = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
