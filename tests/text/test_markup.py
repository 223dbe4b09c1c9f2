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
    ("text", "position", "measured", "limit"),
    [
        ("早。[sad]open", 2, None, None),
        ("a[sad]b[/happy]", 7, None, None),
        ("[sad]" * 17, 80, 17, 16),
        ("  <speak>早<audio/></speak>", 10, None, None),
        ("<speak>" + "<p>" * 40, 52, 17, 16),
        ("<speak>&bomb;</speak>", 7, None, None),
        ("<speak>\ud800</speak>", 7, None, None),
    ],
)
def test_refusals_say_where_and_how_much(text, position, measured, limit):
    with pytest.raises(AssentError) as caught:
        segments(text, "zh", STYLES)
    assert caught.value.code == "markup_invalid"
    assert caught.value.extra == {"position": position}
    assert (caught.value.measured, caught.value.limit) == (measured, limit)


def test_too_many_segments():
    with pytest.raises(AssentError) as caught:
        segments("<speak>" + "<s>x</s>" * 501 + "</speak>", "en")
    assert (caught.value.code, caught.value.measured, caught.value.limit) == ("markup_invalid", 501, 500)


def test_a_word_read_in_two_ways_is_in_two_segments():
    found = segments(
        '<speak><phoneme ph="hang2">行</phoneme>和<phoneme ph="xing2">行</phoneme></speak>', "zh"
    )
    assert [(part.text, part.words.words("zh")["行"]) for part in found] == [
        ("行和", ("hang2",)),
        ("行", ("xing2",)),
    ]


def test_numbers_of_any_length_are_said():
    (found,) = segments(f'<speak><say-as interpret-as="cardinal">{"9" * 5000}</say-as></speak>', "en")
    assert found.text.split() == ["nine"] * 5000


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
    assert caught.value.code == "markup_invalid"
