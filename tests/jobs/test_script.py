"""What a text with markup is taken to say, and in which way it may be heard."""

from __future__ import annotations

import pytest

from synth.errors import AssentError
from synth.jobs import parameters, script
from synth.text import cutting
from synth.text.dictionary import Entry, checked

STYLES = ["neutral", "sad"]


def read(source, input_type="tags", language="en"):
    return script.read(source, input_type=input_type, language=language, styles=STYLES)


def manners(found):
    return [(part.text, part.style, part.pause_s) for part in found.segments]


def test_plain_text_is_taken_as_it_stands():
    for text in ("[sad]x[/sad]", "<speak>1 < 2</speak>"):
        assert read(text, "plain") == script.Script(text)


def test_tags_become_segments_and_punctuation_stays_with_its_words():
    found = read("He left. [sad]Nobody [note] knew[/sad], she said.")
    assert manners(found) == [
        ("He left. ", None, None),
        ("Nobody [note] knew, ", "sad", None),
        ("she said.", None, None),
    ]
    assert found.text == "He left. Nobody [note] knew, she said."
    assert found.styles == ["sad"]


def test_a_pair_of_tags_that_names_no_style_asks_for_one():
    assert read("[jolly]Oh[/jolly] well").styles == ["jolly"]


def test_ssml_pauses_and_breaks():
    found = read("<speak><break time='300ms'/><s>One.</s><s>Two</s><break time='1s'/>!</speak>", "ssml")
    assert manners(found) == [("", None, 0.3), ("One.", None, 0.4), ("Two!", None, 1.0)]
    assert found.text == "One. Two!"


@pytest.mark.parametrize(
    ("source", "input_type", "code"),
    [
        ("<speak>x</speak>", "tags", "markup_invalid"),
        ("[sad]x[/sad]", "ssml", "markup_invalid"),
        ("[sad]x", "song", "input_type_unknown"),
        ("x[/sad]", "tags", "markup_invalid"),
        ("<speak>" + "<break time='10s'/>x" * 7 + "</speak>", "ssml", "pauses_too_long"),
        ("<speak>" + "x<break/>" * 101 + "</speak>", "ssml", "too_many_segments"),
        ("<speak><phoneme ph='ZZ'>x</phoneme></speak>", "ssml", "markup_invalid"),
    ],
)
def test_refusals(source, input_type, code):
    with pytest.raises(AssentError) as refused:
        read(source, input_type)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "source",
    [
        "[sad]kill[/sad]joy",  # apart
        "[sad]ki[/sad]ll them",  # run together
        "so [sad]ki[/sad]ll[sad]joy[/sad]",  # two of three
    ],
)
def test_a_word_cut_by_markup_is_heard_as_that_word(source):
    assert any("kill" in text.split() for text in read(source).heard())


def test_aliases_are_heard():
    words = checked([Entry("en", "smoke", alias="tobacco"), Entry("zh", "烟", alias="烟草")])
    heard = read("Buy smoke, [sad]烟[/sad].").heard(words)
    assert "Buy tobacco, 烟." in heard and "Buy smoke, 烟草." in heard


def test_segments_are_kept_and_read_again():
    source = "<speak><prosody rate='80%' pitch='+2st'><phoneme ph='AH0'>a</phoneme> b</prosody></speak>"
    (part,) = read(source, "ssml").segments
    again, style_id = script.from_json(script.to_json(part, "s"))
    assert (again, style_id) == (part, "s")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"temprature": 1}, "parameter_unknown"),
        ({"preset": "wild"}, "parameter_unknown"),
        ({"preset": ["stable"]}, "parameter_unknown"),
        ({"temperature": 2.1}, "parameter_out_of_range"),
        ({"temperature": True}, "parameter_out_of_range"),
        ({"temperature": float("nan")}, "parameter_out_of_range"),
        ({"top_k": 0.5}, "parameter_out_of_range"),
        ({"top_k": 1.5}, "parameter_out_of_range"),
        ({"top_p": "1"}, "parameter_out_of_range"),
    ],
)
def test_parameters_that_are_refused(given, code):
    with pytest.raises(AssentError) as refused:
        parameters.checked(given)
    assert refused.value.code == code


def test_parameters_that_are_taken():
    given = {"preset": "expressive", "temperature": 0, "top_k": 20.0, "top_p": None}
    assert parameters.checked(given) == {"preset": "expressive", "temperature": 0.0, "top_k": 20}


def test_the_engine_has_the_same_limits():
    from synth.gptsovits import presets

    assert set(parameters.PRESETS) == set(presets.PRESETS)
    assert {*parameters.CHOICES, *parameters.PARAMETERS} == presets.PARAMETERS
    assert list(parameters.CUT_METHODS) == list(cutting.METHODS)
    for row in parameters.PARAMETERS.values():
        if row.name == "style_strength":  # judged where the styles are blended
            continue
        for value in (row.low, row.high):
            presets.delivery_of({row.name: value})
        for value in (row.low - row.step, row.high + row.step):
            with pytest.raises(AssentError):
                presets.delivery_of({row.name: value})
