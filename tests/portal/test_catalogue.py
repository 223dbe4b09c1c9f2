"""The catalogues hold every message of the pages, translated, and the compiled files are those of the sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synth.portal import catalogue

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ("en", "zh_Hans")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def path_of(locale: str) -> Path:
    return ROOT / "locale" / locale / "LC_MESSAGES" / "django.po"


@pytest.fixture(scope="module", params=LOCALES)
def locale(request) -> str:
    return request.param


def test_the_sources_of_the_catalogue_are_up_to_date(locale):
    old = catalogue.load(path_of(locale), locale)
    new = catalogue.merged(ROOT, old, locale)
    assert {(m.context, m.id) for m in new} == {(m.context, m.id) for m in old}, (
        "run `manage.py catalogue`, then translate what it lists in locale/zh_Hans and run it again"
    )


def test_the_compiled_catalogue_is_the_one_of_its_source(locale):
    path = path_of(locale)
    assert path.with_suffix(".mo").read_bytes() == catalogue.mo_bytes(catalogue.load(path, locale))


def test_everything_is_translated_into_chinese():
    found = catalogue.load(path_of("zh_Hans"), "zh_Hans")
    assert catalogue.missing(found) == []
    assert not [message.id for message in found if message.fuzzy]


def test_translations_keep_their_placeholders():
    for message in catalogue.load(path_of("zh_Hans"), "zh_Hans"):
        if message.id and message.context is None:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            wanted = set(PLACEHOLDER.findall(ids[-1]))
            for string in strings:
                assert set(PLACEHOLDER.findall(string)) == wanted, message.id


def test_codes_are_gathered_from_where_they_are_raised():
    source = (
        'NotFound("voice_not_found")\nGate("snr", "fail", 1, 2, "dB", "too_noisy", m)\nGate("x", code="y_z")'
    )
    assert catalogue.refusal_codes(source) == {"voice_not_found", "too_noisy", "y_z"}
