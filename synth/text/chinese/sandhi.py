"""Tones as they are spoken: 不, 一, third tones in a row, syllables that lose their tone, 儿 at the end.

Works on jieba words with pypinyin finals such as ``ang2``; tone 5 is the neutral one. The order of the rules is the
one the checkpoints' training texts were made with: words are joined first, then each is changed by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from synth.text.chinese import sandhi_original
from synth.text.chinese.neutral_tones import neutral_words
from synth.text.symbols import word_list


@dataclass(frozen=True)
class TaggedWord:
    """A word and jieba's part of speech."""

    text: str
    part: str


MAX_REPEATED = 4  # nobody writes longer words twice in a row; runs of one character stay short

FinalsOf = Callable[[str], list[str]]
SplitWord = Callable[[str], tuple[str, str]]

_DIGITS = set("零一二三四五六七八九")
_PARTICLES = "吧呢啊呐噻嘛呀哇哦啰喔嘞哈嗨哟喽哒哩耶诶"
# 儿 stays a syllable of its own where it means a child, and in the names that songs and stories give to creatures.
_FULL_ER = "女男婴幼孤健患胎宠妻侄孙少小弃产聋瘫弱血浪乞我俺" + "花虫马鸟猪猫狗鱼羊牛鸡鸭鹅兔燕蜂蝶"
# 得 keeps its tone in verbs of getting and in words where it is no complement: 获得, 难得. Elsewhere 觉得, 变得.
_FULL_DE_BEFORE = "获取赢求博夺摘难所心相非总只必应自独不"
_KIN = frozenset("爸妈爷奶哥姐弟妹叔伯姑舅婆公太宝")
_TONELESS_ZI_NOT = frozenset(
    word_list(
        "男子 女子 分子 原子 电子 量子 质子 中子 粒子 离子 莲子 石子 瓜子 王子 君子 才子 孔子 "
        "老子 孟子 庄子 天子 公子 弟子 太子 父子 母子 妻子们 游子 学子 因子 光子 次子 长子 "
        "独子 "
        "赤子 浪子"
    )
)


def _toned(final: str, tone: str) -> str:
    return final[:-1] + tone


def _third(final: str) -> bool:
    return final[-1:] == "3"


# ------------------------------------------------------------------------------------------------ joining words


def joined(words: list[TaggedWord], finals_of: FinalsOf) -> list[TaggedWord]:
    """Words that change each other's tones, joined into one."""
    words = _join_bu(words)
    words = _join_yi(words)
    words = _join_repeats(words)
    words = _join_thirds(words, finals_of, lambda left, right: all(map(_third, left + right)))
    words = _join_thirds(words, finals_of, lambda left, right: _third(left[-1]) and _third(right[0]))
    return _join_er(words)


def _join_bu(words: list[TaggedWord]) -> list[TaggedWord]:
    result: list[TaggedWord] = []
    for word in words:
        if result and result[-1].text == "不" and word.text[0].isalpha() and word.text != "不":
            result[-1] = replace(word, text="不" + word.text)
        else:
            result.append(word)
    return result


def _join_yi(words: list[TaggedWord]) -> list[TaggedWord]:
    result: list[TaggedWord] = []
    for word in words:
        before = result[-1] if result else None
        if before and before.text == "一":
            verb = result[-2] if len(result) > 1 else None
            if verb and verb.text == word.text and verb.part.startswith("v"):
                result[-2:] = [replace(verb, text=f"{word.text}一{word.text}")]  # 看一看
                continue
            if word.text[0].isalpha():
                result[-1] = replace(before, text="一" + word.text)
                continue
        result.append(word)
    return result


def _join_repeats(words: list[TaggedWord]) -> list[TaggedWord]:
    result: list[TaggedWord] = []
    for word in words:
        alike = result and result[-1].text == word.text and len(word.text) <= MAX_REPEATED
        if alike and word.text.isalpha():
            result[-1] = replace(result[-1], text=result[-1].text + word.text)
        else:
            result.append(word)
    return result


def _join_thirds(
    words: list[TaggedWord], finals_of: FinalsOf, meets: Callable[[list[str], list[str]], bool]
) -> list[TaggedWord]:
    finals = [finals_of(word.text) for word in words]
    result: list[TaggedWord] = []
    joined_last = False
    for index, word in enumerate(words):
        before = words[index - 1] if index else None
        join = (
            before is not None
            and not joined_last
            and meets(finals[index - 1], finals[index])
            and not (len(before.text) == 2 and before.text[0] == before.text[1])
            and len(before.text) + len(word.text) <= 3
        )
        if join:
            result[-1] = replace(result[-1], text=result[-1].text + word.text)
        else:
            result.append(word)
        joined_last = join
    return result


def _join_er(words: list[TaggedWord]) -> list[TaggedWord]:
    result: list[TaggedWord] = []
    for word in words:
        if result and word.text == "儿" and result[-1].text[-1].isalpha():
            result[-1] = replace(result[-1], text=result[-1].text + "儿")
        else:
            result.append(word)
    return result


# ----------------------------------------------------------------------------------------------- tones in a word


def spoken(word: TaggedWord, finals: list[str], split: SplitWord, *, original: bool = False) -> list[str]:
    """Finals of a word with the tones it has in speech; ``finals`` are one per character.

    ``original``: tones as GPT-SoVITS's own front-end drops and changes them, see `sandhi_original`.
    """
    finals = list(finals)
    if len(finals) != len(word.text):
        return finals
    _change_bu(word.text, finals)
    _change_yi(word.text, finals, original)
    if original:
        sandhi_original.drop_tones(word.text, word.part, finals, split)
    else:
        _drop_tones(word, finals, split)
    if original:
        sandhi_original.change_thirds(word.text, finals, split)
    else:
        _change_thirds(word.text, finals, split)
    _change_er(word, finals, original)
    return finals


def _change_bu(text: str, finals: list[str]) -> None:
    if len(text) == 3 and text[1] == "不":  # 看不懂
        finals[1] = _toned(finals[1], "5")
        return
    for index, character in enumerate(text[:-1]):
        if character == "不" and finals[index + 1][-1] == "4":
            finals[index] = _toned(finals[index], "2")


def _change_yi(text: str, finals: list[str], original: bool) -> None:
    if "一" not in text or all(character.isnumeric() for character in text):
        return
    if len(text) == 3 and text[1] == "一" and text[0] == text[2]:
        finals[1] = _toned(finals[1], "5")
    elif text.startswith("第一"):
        finals[1] = _toned(finals[1], "1")
    else:
        for index, character in enumerate(text[:-1]):
            beside = text[max(0, index - 1) : index] + text[index + 1]
            if character == "一" and text[index + 1].isalpha() and (original or not set(beside) & _DIGITS):
                finals[index] = _toned(finals[index], "2" if finals[index + 1][-1] == "4" else "4")


def _drop_tones(word: TaggedWord, finals: list[str], split: SplitWord) -> None:
    text, part = word.text, word.part
    if len(text) == 2 and text[0] == text[1] and part[:1] in {"n", "v", "a"}:
        if text != "人人" and text[0] not in _DIGITS | {"幺"}:
            finals[1] = _toned(finals[1], "5")  # 妈妈, 看看
    elif len(text) == 4 and text[:2] == text[2:] and part[:1] == "v":
        finals[1] = _toned(finals[1], "5")
    elif len(text) == 4 and text[0] == text[1] and text[2] == text[3] and set(text) <= _KIN:
        finals[1], finals[3] = _toned(finals[1], "5"), _toned(finals[3], "5")  # 爸爸妈妈, but 家家户户
    last = text[-1]
    toneless = (
        (last in _PARTICLES and (len(text) == 1 or part[:1] not in {"n", "o", "e"}))  # 好吧, but 酒吧
        or (last in "的得地" and (len(text) == 1 or last == "的") and part[:1] in {"u", "r", "d", "y", "x"})
        or (last == "得" and len(text) == 2 and text[0] not in _FULL_DE_BEFORE)
        or (len(text) > 2 and text.endswith("不得"))  # 舍不得
        or (text in {"了", "着", "过"} and part in {"ul", "uz", "ug"})
        or (len(text) > 1 and last == "们" and part[:1] in {"r", "n"})
        or (len(text) > 1 and last == "子" and part in {"n", "r"} and text not in _TONELESS_ZI_NOT)
        or (len(text) > 1 and last in "上下里" and part in {"s", "l", "f"})
        or (len(text) > 1 and last in "来去" and text[-2] in "上下进出回过起开")
    )
    if toneless:
        finals[-1] = _toned(finals[-1], "5")
    counted = text.find("个")
    if text == "个" or (
        counted >= 1 and (text[counted - 1].isnumeric() or text[counted - 1] in "几有两半多各整每做是")
    ):
        finals[counted] = _toned(finals[counted], "5")
    known = neutral_words()
    if text in known or (len(text) > 2 and text[-2:] in known):
        finals[-1] = _toned(finals[-1], "5")
    if len(text) > 2:
        first, second = split(text)
        if first in known:
            finals[len(first) - 1] = _toned(finals[len(first) - 1], "5")
        if second in known:
            finals[-1] = _toned(finals[-1], "5")


def _change_thirds(text: str, finals: list[str], split: SplitWord) -> None:
    if len(text) == 2:
        if all(map(_third, finals)):
            finals[0] = _toned(finals[0], "2")
    elif len(text) == 3:
        first = len(split(text)[0])
        if all(map(_third, finals)):
            if first == 2:  # 蒙古包
                finals[0] = _toned(finals[0], "2")
            finals[1] = _toned(finals[1], "2")  # 纸老虎: the first keeps its tone
        elif first == 2 and _third(finals[0]) and _third(finals[1]):
            finals[0] = _toned(finals[0], "2")  # 所有人
        elif first == 1 and _third(finals[1]) and _third(finals[2]):
            finals[1] = _toned(finals[1], "2")
        elif 0 < first < 3 and _third(finals[first - 1]) and _third(finals[first]):
            finals[first - 1] = _toned(finals[first - 1], "2")  # 好喜欢
    elif len(text) == 4:
        for start in (0, 2):
            if _third(finals[start]) and _third(finals[start + 1]):
                finals[start] = _toned(finals[start], "2")


def _change_er(word: TaggedWord, finals: list[str], original: bool) -> None:
    """儿 after another syllable takes that syllable's tone; the networks read the two as one."""
    text = word.text
    if len(text) < 2 or text[-1] != "儿":
        return
    if finals[-1] in {"er1", "er5"}:
        finals[-1] = "er2"
    name = word.part == "nr" and text[0] not in "小老大"
    full = word.part[:1] in {"a", "j"} or name or text[-2] in _FULL_ER
    if sandhi_original.keeps_er(text, word.part) if original else full:
        return
    finals[-1] = "er" + finals[-2][-1]
