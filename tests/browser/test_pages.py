"""Every page on a desk and on a phone, light and dark, in both languages: no policy report, no script error, no
sideways scrolling, nothing asked from elsewhere; and the ways in: a second factor and a passkey."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.timeout(600)]

PUBLIC = [
    "/",
    "/verify",
    "/status",
    "/log/",
    "/log/checkpoint/",
    "/accounts/login/",
    "/accounts/signup/",
    "/api/docs",
]
PRIVATE = [
    "/", "/voices", "/voices/new", "/voices/{voice}", "/voices/{voice}/receipt", "/voices/{voice}/ledger",
    "/voices/{voice}/log", "/ledger", "/uses/log",
    "/voices/{voice}/consent", "/voices/{voice}/styles/new", "/challenges/{challenge}", "/submissions/{waiting}",
    "/review/submissions/{waiting}", "/review", "/studio", "/studio/pronunciations", "/studio/notices", "/jobs",
    "/jobs/{job}", "/uses", "/verify/{verdict}", "/log/entries/{entry}/", "/status", "/api/docs",
    "/keys", "/usage", "/usage/organisations", "/webhooks", "/projects", "/organisation", "/mail", "/log/",
    "/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/", "/accounts/email/",
    "/accounts/password/change/", "/accounts/sessions/",
]  # fmt: skip
ERRORS = {"/no-such-page": 404, "/voices/00000000-0000-7000-8000-000000000000": 404}

SEED = """
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from allauth.account.models import EmailAddress
from accounts.consent import services
from accounts.voices.services import register_voice
from synth.jobs import services as jobs
from tests import factories
from tests.jobs.test_services import finished, reserved
from tests.portal.test_verdicts import asked as asked_about, report
from watermark import services as verification
from watermark.reading.verdict import Verdict
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
# One transaction: the workers hear of the recordings when they are decided already.
with transaction.atomic():
    owner = factories.owner_principal("Harbour Voices")
    owner.user.is_staff = True
    owner.user.save()
    EmailAddress.objects.create(user=owner.user, email=owner.user.email, verified=True, primary=True)
    voice = factories.consented_voice(owner, name="Narrator")
    factories.approved_style(owner, voice, name="neutral")
    challenge = services.issue_challenge(principal=owner, voice_id=voice.id)
    zh = register_voice(principal=owner, name="Evening news", person_name="Li Hua", language="zh")
    asked = services.issue_challenge(principal=owner, voice_id=zh.id)
    row = services.submit_recording(principal=owner, challenge_id=asked.id,
        upload=SimpleUploadedFile("a.wav", factories.wav()), source="microphone",
        scope_sha256=asked.scope_sha256, attestations=["scope_read", "adult"])
    job = jobs.submit_job(principal=owner, voice=str(voice.pk), text="The parcel arrived.", style="neutral")
    job = jobs.claim_job(job_id=job.pk, worker="w")
    output = jobs.release_job(job=job, mark=reserved(job), finished=finished(follow_report={}))
    query = asked_about()
    verification.complete_verification(verification_id=query.pk, report=report(Verdict.ISSUED))
    session = SessionStore()
    session[SESSION_KEY] = str(owner.user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = owner.user.get_session_auth_hash()
    session.create()
    answer = {"voice": str(voice.id), "challenge": str(challenge.id), "waiting": str(row.id), "email": owner.user.email,
        "session": session.session_key, "job": str(job.pk), "entry": output.entry_id, "verdict": str(query.pk)}
"""

LOOKS = [
    {"phone": False, "dark": False, "chinese": False},
    {"phone": False, "dark": True, "chinese": True},
    {"phone": True, "dark": False, "chinese": True},
    {"phone": True, "dark": True, "chinese": False},
]


@pytest.fixture(scope="module")
def seeded(service) -> Iterator[dict[str, str]]:
    made = service.python(SEED)
    yield made
    # The service is other tests' too, and one of them comes in by the first administrator's link.
    service.python(
        "from accounts.people.models import User\n"
        f"answer = User.objects.filter(email={made['email']!r}).update(is_staff=False)"
    )


@pytest.fixture(params=LOOKS, ids=lambda look: "-".join(name for name, on in look.items() if on) or "plain")
def anybody(request, chromium, service):
    """Four looks; pictures are taken only where somebody wants to see them, since they cost the most time."""
    named = os.environ.get("ASSENT_SCREENSHOTS")
    person = Visitor(chromium, service.base_url, Path(named) if named else None, **request.param)
    yield person
    person.leave()


def sign_in(person: Visitor, seeded: dict[str, str]) -> None:
    """By the cookie that a log-in would have set."""
    person.context.add_cookies([{"name": "sessionid", "value": seeded["session"], "url": person.base_url}])


def confirm(person: Visitor) -> None:
    """Give the password again where the page asks for it, as it does before security settings change."""
    if "reauthenticate" in person.page.url:
        person.page.fill("input[name=password]", "long-enough-1")
        person.page.click("main form button[type=submit]")
        person.page.wait_for_url(lambda address: "reauthenticate" not in address)


def test_public_pages(anybody):
    for path in PUBLIC:
        anybody.go(path)
        anybody.picture(f"public{path.replace('/', '_')}")
        anybody.check()
        anybody.check_accessible()
    for path, status in list(ERRORS.items())[:1]:
        anybody.go(path, status=status)
        anybody.picture("error")
        anybody.check()


def test_private_pages(anybody, seeded):
    sign_in(anybody, seeded)
    for path in PRIVATE:
        anybody.go(path.format(**seeded))
        confirm(anybody)
        anybody.picture(f"private{path.replace('/', '_').replace('{', '').replace('}', '')}")
        anybody.check()
        anybody.check_accessible()
        unnamed = anybody.page.evaluate(UNNAMED)
        assert unnamed == [], f"{path}: controls without a name: {unnamed}"


# Controls that a screen reader could not name.
UNNAMED = """
[...document.querySelectorAll('main :is(button, a[href], select, textarea, canvas, input)')]
  .filter((one) => one.checkVisibility() && one.type !== 'hidden')
  .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length || one.title
    || one.getAttribute('aria-labelledby') || (one.tagName === 'INPUT' && one.placeholder)))
  .map((one) => one.outerHTML.slice(0, 120))
"""


def test_the_keyboard_reaches_content_menu_and_languages(visitor, seeded):
    sign_in(visitor, seeded)
    page = visitor.page
    visitor.go("/voices")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    page.focus("details.menu summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('details.menu').open")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.querySelector('details.menu').open")
    page.select_option("#foot-language", "zh-hans")
    page.wait_for_selector("html[lang=zh-hans]")
    page.select_option("#foot-theme", "dark")
    page.wait_for_selector("html[data-theme=dark]")
    visitor.check()


def test_the_studio_counts_in_red_keeps_what_was_pasted_and_sends_nothing_too_long(visitor, seeded):
    sign_in(visitor, seeded)
    page, sent = visitor.page, []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    visitor.go("/studio")
    page.fill("#text", "é" * 4095 + "😀")  # characters, not the halves that scripts count
    assert page.inner_text("#text-count") == "4096 / 4096"
    page.fill("#text", "word " * 2024)
    assert page.inner_text("#text-count").startswith("10120 / 4096 · The text is too long")
    assert page.input_value("#text") == "word " * 2024
    red = page.evaluate("getComputedStyle(document.querySelector('#text-count')).color")
    assert red == page.evaluate(
        "(() => { const one = document.createElement('i'); one.className = 'badge bad';"
        " document.body.append(one); return getComputedStyle(one).color; })()"
    )
    page.click("[data-speak]")
    page.keyboard.press("Control+Enter")
    assert sent == []
    visitor.picture("studio-too-long")
    visitor.check()


def test_moments_stand_in_the_reader_s_order_with_their_zone(chromium, service, seeded):
    context = chromium.new_context(base_url=service.base_url, locale="en-GB", timezone_id="Asia/Kolkata")
    context.add_cookies([{"name": "sessionid", "value": seeded["session"], "url": service.base_url}])
    page = context.new_page()
    page.goto("/uses")
    shown = page.inner_text("time[data-local] >> nth=0")
    assert re.fullmatch(r"\d{1,2} \w{3,4} \d{4}, \d{2}:\d{2} (GMT\+5:30|IST)", shown), shown
    context.close()


def test_pages_work_without_scripts(chromium, service, seeded, tmp_path):
    from tests import factories

    context = chromium.new_context(base_url=service.base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/verify")
    file = tmp_path / "noise.wav"
    file.write_bytes(factories.wav())
    page.set_input_files("input[type=file]", file)
    page.click("form.drop button")
    page.wait_for_selector("[data-verdict]", timeout=60_000)
    assert page.get_attribute("[data-verdict]", "data-verdict") in {"no_watermark", "inconclusive"}
    assert "genuine" not in page.inner_text("#answer").lower()
    context.close()


def test_the_first_page_s_drop_zone_answers_and_sends_nothing_too_large(visitor, tmp_path):
    from tests import factories

    page, sent = visitor.page, []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    large, noise = tmp_path / "large.wav", tmp_path / "noise.wav"
    with large.open("wb") as file:
        file.truncate(25 * 2**20)
    noise.write_bytes(factories.wav())
    visitor.go("/")
    page.set_input_files("input[type=file]", large)
    page.wait_for_selector("[data-error]:not([hidden])")
    assert "more than 24 MiB" in page.inner_text("[data-error]")
    assert sent == []
    visitor.picture("first-page-too-large")
    page.set_input_files("input[type=file]", noise)
    page.wait_for_selector("[data-verdict]", timeout=60_000)
    visitor.picture("first-page-verdict")
    visitor.check()


def test_a_passkey_is_added_and_opens_the_door(visitor, seeded, service):
    page = visitor.page
    devtools: Any = visitor.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    sign_in(visitor, seeded)
    visitor.go("/accounts/2fa/webauthn/add/")
    confirm(visitor)
    page.fill("input[name=name]", "Desk")
    page.check("input[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/accounts/2fa/**", wait_until="networkidle")
    visitor.go("/accounts/2fa/webauthn/")
    visitor.picture("passkeys")
    assert "Desk" in page.inner_text("main")
    visitor.context.clear_cookies()
    visitor.go("/accounts/login/")
    page.click("#passkey_login")
    page.wait_for_selector("details.menu summary:has-text('Harbour Voices')")
    visitor.check()


def test_a_stranger_signs_up_with_the_code_that_administrators_find(visitor, seeded, chromium, service):
    page = visitor.page
    visitor.go("/accounts/signup/")
    page.fill("input[name=email]", "stranger@example.org")
    page.fill("input[name=password1]", "quite-a-long-phrase-3")
    page.fill("input[name=password2]", "quite-a-long-phrase-3")
    page.click("main button[type=submit]")
    page.wait_for_selector("input[name=code]")
    visitor.picture("signup-code")
    visitor.check()

    administrator = Visitor(chromium, service.base_url, visitor.pictures)
    sign_in(administrator, seeded)
    administrator.go("/mail")
    letter = administrator.page.locator("details.card", has_text="stranger@example.org").first.inner_text()
    administrator.picture("mail")
    administrator.check()
    administrator.leave()
    found = re.search(r"^\s*([A-Z0-9]{3,}(?:-[A-Z0-9]{3,})*)\s*$", letter, re.MULTILINE)
    assert found, letter

    page.fill("input[name=code]", found.group(1))
    page.click("main button[type=submit] >> nth=0")
    page.wait_for_selector("details.menu summary:has-text('stranger')")
    visitor.check()
