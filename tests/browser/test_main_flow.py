"""The main job through a real browser: consent by microphone, a sad style, sad speech, verified, revoked, refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import takes
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.timeout(600)]
CHECKED_WITHIN_MS = 120_000
SENTENCE = "The last train had left, and nobody came back to the empty house that evening."
VOICE = "slt"


@pytest.fixture(scope="module")
def owner(chromium, service, pictures) -> Iterator[Visitor]:
    person = Visitor(chromium, service.base_url, pictures)
    yield person
    person.leave()


def record(person: Visitor, microphone: Path, take: takes.Take, picture: str) -> None:
    """Speak `take` into the fake microphone, listen again, send."""
    page = person.page
    take.write_wav(microphone)
    page.click("[data-part=start]")
    page.wait_for_selector("[data-recorder][data-state=recording]")
    page.wait_for_timeout(1000 * len(take.samples) / take.sample_rate_hz / 2)
    person.picture(f"{picture}-recording")
    page.wait_for_timeout(1000 * len(take.samples) / take.sample_rate_hz / 2 + 600)
    page.click("[data-part=stop]")
    page.wait_for_selector("wave-player[data-ready]")
    person.picture(f"{picture}-recorded")
    page.click("[data-part=send]")


def decided(person: Visitor, what: str) -> None:
    """Wait for the gates; a recording that was not approved fails with what they measured."""
    page = person.page
    page.wait_for_selector(
        "[data-state=approved], [data-state=rejected], [data-state=needs_review]", timeout=CHECKED_WITHIN_MS
    )
    person.picture(what)
    state = page.get_attribute("section[data-state]", "data-state")
    assert state == "approved", page.inner_text("main")


def test_consent_speech_proof_and_revocation(
    owner: Visitor, chromium, service, microphone, tmp_path, pictures
):
    page = owner.page

    # The first administrator comes in by the one-time link.
    link = service.python(
        "from accounts.people.services import first_admin_link\nanswer = first_admin_link()"
    )
    page.goto(link)
    page.fill("[name=email]", "alex@example.org")
    page.fill("[name=name]", takes.PERSON)
    page.fill("[name=organisation_name]", takes.ORGANISATION)
    page.fill("[name=password]", "a-long-enough-phrase-7")
    page.click("main button")
    page.wait_for_url("**/accounts/2fa/")

    # A voice, and the consent that its owner speaks.
    owner.go("/voices/new")
    page.fill("[name=name]", "Narrator")
    page.select_option("[name=language]", "en")
    assert page.input_value("[name=person_name]") == takes.PERSON
    page.click("main button.primary")
    page.wait_for_url("**/consent")
    page.click("main button.primary")
    page.wait_for_selector("[data-statement]")
    page.wait_for_load_state()
    words = page.locator("[data-challenge-word]").all_inner_texts()
    assert len(words) == 6
    statement = f"{page.inner_text('[data-statement]')} {', '.join(words)}."
    owner.picture("challenge")
    owner.check()
    assert page.is_disabled("[data-part=start]")
    for box in page.locator("[data-before-recording] input").all():
        box.check()
    record(owner, microphone, takes.take(statement, VOICE, seed=20), "consent")
    decided(owner, "consent-approved")
    owner.check()

    # A sad style.
    page.click("a[href$='/styles/new']")
    page.wait_for_url("**/styles/new")
    page.check("input[name=emotion][value=sad]", force=True)
    assert page.input_value("[name=name]") == "sad"
    clip = takes.style_clip(VOICE, "sad")
    page.fill("[name=transcript]", clip.transcript)
    record(owner, microphone, clip, "style")
    decided(owner, "style-approved")
    voice_path = page.get_attribute(".crumbs a:last-child", "href")
    owner.check()

    # Sad speech, in the studio.
    page.click("a[href*='/studio?']")
    page.wait_for_url("**/studio?*")
    assert page.is_checked("input[type=radio][value=sad]")
    page.fill("[name=text]", SENTENCE)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-job]")
    page.wait_for_selector("[data-job][data-state=released], [data-job][data-state=failed]", timeout=180_000)
    owner.picture("studio-released")
    assert page.get_attribute("[data-job]", "data-state") == "released", page.inner_text("[data-job]")
    assert page.locator("tr[data-feature]").count() == 5
    page.wait_for_selector("[data-job] wave-player[data-ready]")
    with page.expect_download() as download:
        page.click("[data-download]")
    file = tmp_path / "sad.wav"
    download.value.save_as(file)
    assert file.read_bytes()[:4] == b"RIFF"
    job_path = page.get_attribute("[data-job] form[action], [data-download]", "href").split("/audio")[0]
    owner.check()

    # Anybody may ask what the file is.
    stranger = Visitor(chromium, service.base_url, pictures)
    verdict, consent = verify(stranger, file)
    assert verdict == "issued", stranger.page.inner_text("main")
    assert "In force" in consent
    # A stream's credentials stand beside the file, and the page says where.
    assert stranger.page.locator("a[href$='/manifest']").count() == 1
    stranger.check()

    # Revoked: the open studio is refused, the file is no longer served, the verdict says so.
    studio = owner.new_page()
    studio.goto("/studio")
    studio.fill("[name=text]", SENTENCE)
    owner.go(voice_path)
    owner.picture("voice")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("form[action$='/revoke'] button")
    page.wait_for_selector(".seal[data-state=revoked]")
    owner.picture("voice-revoked")
    studio.click("[data-speak]")
    studio.wait_for_selector("[data-refusal=consent_revoked]")
    owner.go(f"{job_path}/audio", status=403)
    owner.go(f"{voice_path}/ledger")
    owner.picture("ledger")
    assert "Consent was revoked." in page.inner_text("main")
    verdict, consent = verify(stranger, file)
    assert verdict == "issued"
    assert "Revoked since" in consent
    stranger.picture("verdict-revoked")
    stranger.check()
    owner.check()
    stranger.leave()


def verify(person: Visitor, file: Path) -> tuple[str, str]:
    """Drop a file on the public page; the verdict and what it says of the consent."""
    page: Any = person.page
    person.go("/verify")
    page.set_input_files("input[type=file]", file)
    page.wait_for_selector("[data-verdict]", timeout=CHECKED_WITHIN_MS)
    page.wait_for_selector("wave-player canvas")
    clear = "document.querySelector('#answer').scrollIntoView({block: 'start', behavior: 'instant'});"
    clear += "document.querySelector('[data-verdict]').getBoundingClientRect().top"
    clear += " - document.querySelector('.top').getBoundingClientRect().bottom"
    assert page.evaluate(clear) >= 0, "the verdict lies under the frame"
    person.picture("verdict")
    return page.get_attribute("[data-verdict]", "data-verdict"), page.inner_text("#answer")
