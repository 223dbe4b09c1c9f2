"""The owner of a voice on a phone, without an account: asked by a link, speaking, permitting less, revoking."""

from __future__ import annotations

import pytest

from tests import takes
from tests.browser.test_main_flow import record
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.timeout(300)]

SEED = f"""
from accounts.consent import services as consent
from accounts.voices import services as voices
from tests import factories
owner = factories.owner_principal({takes.ORGANISATION!r})
voice = voices.register_voice(
    principal=owner, name="By link", person_name={takes.PERSON!r}, language="en", owner_by_link=True)
answer = consent.ask_owner(principal=owner, voice_id=voice.pk, purposes=["narration", "dubbing"])[1]
"""


def test_an_owner_consents_and_stops_on_a_phone(chromium, service, microphone, pictures):
    path = "/consent/" + service.python(SEED).rpartition("/")[2]
    reader = Visitor(chromium, service.base_url, pictures, phone=True, chinese=True)
    reader.go(path)
    assert "生物识别" in reader.page.inner_text("main")
    reader.picture("owner-asked")
    reader.check()
    reader.leave()

    owner = Visitor(chromium, service.base_url, pictures, phone=True)
    page = owner.page
    owner.go(path)
    assert page.locator("[name=purposes]:checked").count() == 2
    owner.picture("owner-asked")
    owner.check()
    page.click("main button.primary")
    page.wait_for_selector("[data-statement]")
    words = page.locator("[data-challenge-word]").all_inner_texts()
    statement = f"{page.inner_text('[data-statement]')} {', '.join(words)}."
    for box in page.locator("[data-before-recording] input").all():
        box.check()
    owner.check()
    record(owner, microphone, takes.take(statement, "awb", seed=21), "owner-statement")
    page.wait_for_selector("#uses")
    private = page.url
    for _ in range(60):
        if page.get_attribute("section[data-state]", "data-state") not in ("queued", "checking"):
            break
        page.wait_for_timeout(1000)
        page.goto(private)
    assert page.get_attribute("section[data-state]", "data-state") == "approved", page.inner_text("main")
    owner.picture("my-voice")
    owner.check()

    page.click("#narrow summary")
    page.uncheck("#narrow [value=dubbing]")
    page.click("#narrow button[value=narrow]")
    page.wait_for_selector("#narrow")
    assert "films" not in page.inner_text("[data-term=purposes]")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("button[value=revoke]")
    page.wait_for_selector("text=Revoked.")
    owner.check()
    owner.go(path, status=404)
    owner.leave()
