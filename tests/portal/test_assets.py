"""Templates and static files keep the strict content security policy possible: nothing inline, nothing foreign."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = [
    path
    for room in ("synth", "accounts", "audit", "watermark")
    for path in sorted((ROOT / room).rglob("templates/**/*.html"))
]
STATIC = sorted(
    path for path in (ROOT / "synth/portal/static").rglob("*") if path.suffix in {".css", ".js", ".svg"}
)
NAMESPACE = "http://www.w3.org/2000/svg"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_templates_hold_no_inline_style_script_or_handler(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style\b", text)
    assert not re.search(r"""\sstyle=["']""", text)
    assert not re.search(r"""<[a-z][^>]*\son[a-z]+=["']""", text)
    assert not re.search(r"javascript:", text)
    for script in re.findall(r"<script\b([^>]*)>", text):
        assert "src=" in script or "application/json" in script or "nonce=" in script, script


@pytest.mark.parametrize("path", [*TEMPLATES, *STATIC], ids=name_of)
def test_nothing_is_fetched_from_elsewhere(path):
    text = path.read_text(encoding="utf-8").replace(NAMESPACE, "")
    assert not re.search(r"""(?:src|href|url\(|import|fetch\()\s*[=("' ]*\s*(?:https?:)?//""", text), name_of(
        path
    )
    assert "eval(" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_images_and_fields_have_names(path):
    text = path.read_text(encoding="utf-8")
    for image in re.findall(r"<img\b[^>]*>", text):
        assert " alt=" in image, image
    labelled = set(re.findall(r"""<label\b[^>]*for="([^"]+)""", text))
    for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", text):
        kind = re.search(r'type="(\w+)"', field)
        if kind and kind.group(1) in {"hidden", "checkbox", "radio"}:
            continue
        found = re.search(r'\sid="([^"]+)"', field)
        assert found and (found.group(1) in labelled or "aria-label" in field), f"{name_of(path)}: {field}"


def test_every_icon_that_templates_use_is_in_the_sprite():
    sprite = (ROOT / "synth/portal/static/portal/img/icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    used = {name for path in TEMPLATES for name in re.findall(r'{% icon "([\w-]+)"', path.read_text())}
    assert used <= drawn
