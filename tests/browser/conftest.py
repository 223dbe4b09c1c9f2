"""A real browser (Debian's chromium) on a service of its own. Playwright never downloads a browser of its own here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.visitor import Visitor
from tests.service import ROOT, Service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Ends with the last test of this folder: the tests after it have the processor for themselves."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    # The speaker model's weights are fetched once for all data folders of this checkout.
    running = Service(
        tmp_path_factory.mktemp("browser") / "data",
        ASSENT_VERIFY_RATE="1000/minute",
        ASSENT_MODELS_DIR=str(ROOT / "var" / "models"),
    ).start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake microphone hears: fixed when the browser starts, read anew each time it is opened."""
    return tmp_path_factory.mktemp("microphone") / "heard.wav"


@pytest.fixture(scope="module")
def chromium(service: Service, microphone: Path) -> Iterator[object]:
    """Ended with its file: while it runs, its event loop forbids other tests of the process their database."""
    sync_api = pytest.importorskip("playwright.sync_api")
    arguments = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
        "--disable-background-networking",
        "--autoplay-policy=no-user-gesture-required",
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go, for a person to look at; `ASSENT_SCREENSHOTS` names another folder."""
    named = os.environ.get("ASSENT_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def visitor(chromium, service, pictures) -> Iterator[Visitor]:
    """A stranger at a desk, in English and light colours."""
    person = Visitor(chromium, service.base_url, pictures)
    yield person
    person.leave()
