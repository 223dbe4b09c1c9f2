"""``make demo``: the demonstration on the running service, or on one started for it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

from synth.local import lock, paths
from synth.local.bootstrap import say
from synth.local.errors import LocalError
from synth.local.process import stop

START_TIMEOUT_S = 300.0


def run(arguments: list[str]) -> int:
    """Run ``manage.py demonstrate ADDRESS`` and return its exit status."""
    with service() as address:
        command = [sys.executable, str(paths.MANAGE), "demonstrate", address, *arguments]
        return subprocess.run(command, cwd=paths.BASE_DIR, check=False).returncode


@contextlib.contextmanager
def service() -> Iterator[str]:
    """The address of the service on our data folder; it is started, and stopped again, unless it runs."""
    data_dir = paths.data_dir()
    if lock.is_held(data_dir):
        address = lock.holder(data_dir)[1]
        say(f"Using the service that runs at {address}")
        wait_ready(address)
        yield address
        return
    say("Starting the service for this demonstration (make up keeps it running)")
    output = data_dir / "logs" / "demo-service.log"
    output.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    with output.open("wb") as log:
        command = [sys.executable, str(paths.MANAGE), "up", "--quiet"]
        process = subprocess.Popen(
            command, cwd=paths.BASE_DIR, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (lock.is_held(data_dir) and (address := lock.holder(data_dir)[1])):
            if process.poll() is not None or time.monotonic() > deadline:
                raise LocalError(f"The service did not start; {output} says why.")
            time.sleep(0.2)
        wait_ready(address, process)
        yield address
    finally:
        say("Stopping the service")
        stop(process, sign=signal.SIGTERM, timeout_s=120)


def wait_ready(address: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Return once the service says that it can reach its database and broker."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        # what is in the way of a local address would only be a proxy
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{address}/readyz", timeout=10):
                return
        except OSError:  # not there yet, or 503
            time.sleep(0.3)
    raise LocalError(f"The service at {address} is not ready.")
