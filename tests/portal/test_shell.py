"""The shell: home, status, errors, language, theme, the policy in the answer's headers; phrases and tags."""

from __future__ import annotations

import re

import pytest
from django.template import Context, Template
from django.utils.translation import override

from synth.common.uploads import too_large
from synth.errors import AssentError
from synth.portal import status
from synth.portal.phrases import phrase, phrase_of
from synth.portal.templatetags.portal import badge, breakable, number, short_hash

pytestmark = pytest.mark.django_db


def test_home_shows_the_drop_zone_and_what_runs(client):
    page = client.get("/").content.decode()
    assert "data-drop" in page and "portal/js/drop" in page
    assert 'data-limit-mib="24"' in page and "Up to 24 MiB and 5 minutes." in page
    chinese = client.get("/", headers={"accept-language": "zh-hans"}).content.decode()
    # What a larger file is told before it is sent is what the server would say.
    for shown, language in ((page, "en"), (chinese, "zh-hans")):
        with override(language):
            sentence = phrase_of(too_large(24 * 2**20, 25 * 2**20))
        assert "24 MiB" in sentence and sentence in shown
    assert page.count('class="tile"') == 3
    assert '<html lang="en"' in page


def test_a_room_that_fails_is_shown_as_unknown(client, settings):
    settings.PORTAL_TILES = ["tests.portal.test_shell.broken_tile", "tests.portal.test_shell.good_tile"]
    first, second = status.collect()
    assert first.state == "unknown"
    assert second.value == "fine"
    assert "fine" in client.get("/status").content.decode()


def test_administrators_see_how_it_runs(client, django_user_model):
    def shown():
        return client.get("/status").content.decode()

    assert "Check of the log" not in shown()
    client.force_login(django_user_model.objects.create_user("boss@example.org", is_staff=True))
    page = shown()
    assert all(word in page for word in ("Check of the log", "Not checked yet", "Backup", "Processes"))
    client.force_login(django_user_model.objects.create_user("guest@example.org"))
    assert "Check of the log" not in shown()


def broken_tile():
    raise RuntimeError("no")


def good_tile():
    return status.StatusTile(title="Test", value="fine", facts=(("a", "b"),))


def test_the_language_follows_the_browser_and_the_choice(client):
    chinese = client.get("/", headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"}).content.decode()
    assert '<html lang="zh-hans"' in chinese
    assert "声音的主人亲口同意" in chinese
    client.post("/language", {"language": "zh-hans", "next": "/verify"})
    assert '<html lang="zh-hans"' in client.get("/").content.decode()


def test_the_theme_is_kept_and_never_redirects_elsewhere(client):
    answer = client.post("/theme", {"theme": "dark", "next": "https://elsewhere.example/"})
    assert answer.status_code == 302
    assert answer["location"] == "/"
    assert 'data-theme="dark"' in client.get("/").content.decode()
    client.post("/theme", {"theme": "", "next": "/"})
    assert "data-theme" not in client.get("/").content.decode()


def test_the_policy_allows_nothing_inline_and_nothing_foreign(client):
    policy = client.get("/")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy.replace("report-uri", "")
    assert "default-src 'none'" in policy
    assert "report-uri /csp-report" in policy


def test_reports_of_the_policy_are_taken_and_bounded(client, caplog):
    small = client.post("/csp-report", b'{"csp-report": {}}', content_type="application/csp-report")
    large = client.post("/csp-report", b"x" * 20_000, content_type="application/csp-report")
    assert (small.status_code, large.status_code) == (204, 204)
    assert len([r for r in caplog.records if "content security policy" in r.message]) == 1


def test_error_pages_are_in_the_style_of_the_rest(client):
    missing = client.get("/no-such-page")
    assert missing.status_code == 404
    assert "There is nothing here" in missing.content.decode()
    assert 'class="top"' in missing.content.decode()


def test_a_form_without_its_token_is_refused_in_plain_words():
    from django.test import Client

    answer = Client(enforce_csrf_checks=True).post("/theme", {"theme": "dark"})
    assert answer.status_code == 403
    assert "This form is no longer valid" in answer.content.decode()


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])
def test_the_entrance_pages_are_restyled(client, path):
    page = client.get(path).content.decode()
    assert 'class="top"' in page
    assert "entrance" in page
    assert not re.search(r"<script(?![^>]*(src=|application/json))", page)


def test_refusals_speak_the_reader_s_language():
    error = AssentError("text_too_long", "Too long.", measured=5000, limit=4096)
    assert phrase_of(error) == "Too long."
    with override("zh-hans"):
        assert phrase_of(error) == "文字太长：5000 个字符，最多 4096 个。"
        assert phrase("never_heard_of", "As the room said it.") == "As the room said it."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (1.5, "1.5"),
        (2.0, "2"),
        (0.12345, "0.12"),
        (True, "✓"),
        ([3.0, 10.0], "3 – 10"),
        (7, "7"),
        (100, "100"),
    ],
)
def test_numbers_are_short(value, shown):
    assert number(value) == shown


def test_names_break_between_their_words():
    assert breakable("consent.challenge_issued") == "consent.<wbr>challenge_<wbr>issued"
    assert breakable("<b>.a") == "&lt;b&gt;.<wbr>a"


def test_a_state_is_a_word_with_a_colour():
    assert "Revoked" in badge("revoked")
    assert 'class="badge bad"' in badge("revoked")
    assert "&lt;b&gt;" in badge("<b>")


def test_what_a_template_shows_is_escaped():
    shown = Template("{% load portal %}{{ value|json }}").render(Context({"value": {"a": "<script>'\""}}))
    assert "<script>" not in shown
    assert '"' not in shown
    assert short_hash("a" * 64) == "a" * 12 + "…"
