"""Tags and SSML as segments."""

from __future__ import annotations

import pytest

from synth.errors import AssentError
from synth.text import frontend
from synth.text.markup import segments

STYLES = ("sad", "happy")


def test_plain_text_is_one_segment():
    assert [part.text for part in segments("1 < 2 [note] x", "en", STYLES)] == ["1 < 2 [note] x"]


def test_tags_name_styles():
    found = segments("早。[sad]他走了。[happy]又回来了！[/happy]唉。[/sad]好。", "zh", STYLES)
    assert [(part.text, part.style) for part in found] == [
        ("早。", None),
        ("他走了。", "sad"),
        ("又回来了！", "happy"),
        ("唉。", "sad"),
        ("好。", None),
    ]


def test_ssml():
    found = segments(
        '<speak>Hello <break time="500ms"/><prosody rate="fast" pitch="+2st">quick <say-as '
        'interpret-as="digits">42</say-as></prosody> <phoneme ph="T AH0 M AA1 T OW0">tomato</phoneme></speak>',
        "en",
    )
    assert [(part.text.strip(), part.rate, part.pitch_semitones, part.pause_s) for part in found] == [
        ("Hello", 1.0, 0.0, 0.5),
        ("quick four two", 1.2, 2.0, None),
        ("tomato", 1.0, 0.0, None),
    ]
    spoken = frontend.speakable(found[-1].text, "en", found[-1].words)
    assert " ".join(spoken.phones).endswith("T AH0 M AA1 T OW0")


def test_ssml_in_chinese_with_tags():
    found = segments(
        '<speak>[sad]<phoneme ph="chao2 yang2">朝阳</phoneme>区[/sad]'
        '<say-as interpret-as="telephone">110</say-as></speak>',
        "zh",
        STYLES,
    )
    assert [(part.text, part.style) for part in found] == [("朝阳区", "sad"), ("幺幺零", None)]
    assert found[0].words.words("zh") == {"朝阳": ("chao2", "yang2")}


@pytest.mark.parametrize(
    "text",
    [
        "[sad]open",
        "shut[/sad]",
        "[sad][happy]crossed[/sad][/happy]",
        "<speak>open",
        "<speak><audio src='x'/></speak>",
        "<speak><break time='60s'/></speak>",
        "<speak><prosody rate='900%'>x</prosody></speak>",
        "<speak><say-as interpret-as='song'>x</say-as></speak>",
        "<speak><phoneme ph='nonsense'>x</phoneme></speak>",
        "<speak><prosody volume='loud'>x</prosody></speak>",
        "<speak><!DOCTYPE x></speak>",
        "<speak>&bomb;</speak>",
        "<speak>" + "<p>" * 40 + "x" + "</p>" * 40 + "</speak>",
    ],
)
def test_refusals(text):
    with pytest.raises(AssentError) as caught:
        segments(text, "en", STYLES)
    assert caught.value.code in {"markup_invalid", "dictionary_invalid"}
