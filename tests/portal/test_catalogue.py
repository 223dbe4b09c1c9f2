"""The catalogues hold every message of the pages, translated, and the compiled files are those of the sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo

from synth.portal import catalogue

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ("en", "zh_Hans")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def path_of(locale: str) -> Path:
    return ROOT / "locale" / locale / "LC_MESSAGES" / "django.po"


def shown(catalogue) -> set[tuple]:
    """(context, message ids, what is shown) of a catalogue's translations; a plural's gap shows its own words."""
    found = set()
    for m in catalogue:
        ids, strings = _tuple(m.id), _tuple(m.string)
        if m.id and not m.fuzzy and (any(strings) or len(ids) == 2):
            found.add((m.context, ids, tuple(s or ids[min(i, 1)] for i, s in enumerate(strings))))
    return found


def _tuple(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Babel gives a plural's strings as a tuple from sources and as a list from compiled files."""
    return (value,) if isinstance(value, str) else tuple(value)


def gettext_header(content: bytes) -> set[bytes]:
    """Names of a catalogue's header lines, in a source or a compiled file."""
    return set(re.findall(rb'^"?(?:.*\x00)?([A-Z][A-Za-z-]+): ', content, re.MULTILINE))


@pytest.fixture(scope="module", params=LOCALES)
def locale(request) -> str:
    return request.param


def test_the_sources_of_the_catalogue_are_up_to_date(locale):
    old = catalogue.load(path_of(locale), locale)
    new = catalogue.merged(ROOT, old, locale)
    assert {(m.context, m.id) for m in new} == {(m.context, m.id) for m in old}, (
        "run `manage.py catalogue`, then translate what it lists in locale/zh_Hans and run it again"
    )


def test_the_compiled_catalogue_says_what_its_source_says(locale):
    path = path_of(locale)
    with path.with_suffix(".mo").open("rb") as file:
        compiled = shown(read_mo(file))
    assert compiled == shown(catalogue.load(path, locale)), "run `manage.py catalogue`"


def test_neither_file_names_the_tool_that_wrote_it_or_a_date(locale):
    for path in (path_of(locale), path_of(locale).with_suffix(".mo")):
        header = gettext_header(path.read_bytes())
        assert header.isdisjoint({b"Generated-By", b"POT-Creation-Date", b"PO-Revision-Date"}), path
        assert b"Content-Type" in header  # what is looked for is found: the header was read


def test_writing_a_catalogue_twice_gives_the_same_bytes(locale, monkeypatch):
    """Whatever Babel's version is: a clone with another release of it finds nothing to change."""
    loaded = catalogue.load(path_of(locale), locale)
    first = catalogue.po_text(loaded), catalogue.mo_bytes(loaded)
    monkeypatch.setattr("babel.messages.catalog.VERSION", "99.0")
    again = catalogue.load(path_of(locale), locale)
    assert (catalogue.po_text(again), catalogue.mo_bytes(again)) == first


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
