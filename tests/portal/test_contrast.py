"""Text stands out from what it lies on, in light and in dark: WCAG 2.2, 4.5 to 1."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = (Path(__file__).resolve().parents[2] / "synth/portal/static/portal/css/tokens.css").read_text()
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS)
}
PAIRS = [
    *[
        (ink, ground)
        for ink in ("ink", "ink-2", "jade", "seal")
        for ground in ("paper", "surface", "sunken", "raised")
    ],
    ("ink-3", "surface"),
    ("ink-3", "paper"),
    ("jade", "jade-soft"),
    ("jade-strong", "jade-soft"),
    ("seal", "seal-soft"),
    ("amber", "amber-soft"),
    ("sky", "sky-soft"),
    *[
        (ink, ground)
        for ink in ("ink", "ink-2")
        for ground in ("jade-soft", "seal-soft", "amber-soft", "sky-soft")
    ],
    ("on-jade", "jade"),
    ("on-jade", "jade-strong"),
    ("on-seal", "seal"),
]


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out(ink, ground, scheme):
    bright, dim = sorted((luminance(COLOURS[ink][scheme]), luminance(COLOURS[ground][scheme])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5
