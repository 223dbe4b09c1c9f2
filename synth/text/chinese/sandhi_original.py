"""Where GPT-SoVITS's own front-end drops and changes tones otherwise than `sandhi`, mistakes included.

For comparison only. It drops the tone of every 地 and 得 at the end of a word (土地, 获得), of 额 and 滴, of 子 in
弟子, and of most repeated characters, whatever they belong to (the second 行 of 银行行长).
"""

from __future__ import annotations

from collections.abc import Callable

from synth.text.chinese.neutral_tones import neutral_words
from synth.text.symbols import word_list

SplitWord = Callable[[str], tuple[str, str]]

_PARTICLES = "吧呢哈啊呐噻嘛吖嗨呐哦哒额滴哩哟喽啰耶喔诶"
_WITH_TONE = frozenset(
    word_list(
        "男子 女子 分子 原子 量子 莲子 石子 瓜子 电子 人人 虎虎 幺幺 干嘛 学子 哈哈 数数 袅袅 局地 以下 娃哈哈 "
        "花花草草 留得 耕地 想想 熙熙 攘攘 卵子 死死 冉冉 恳恳 佼佼 吵吵 打打 考考 整整 莘莘 落地 算子 家家户户 青青"
    )
)
# Beside the common list: parts of words that it takes for words, and words that have two readings.
_WEAK_TOO = frozenset(
    word_list("一辈 下水 不在 不由 两口 利害 冷战 千斤 小伙 开通 扫把 温和 笑语 老太 老头 胡萝 过去")
)
_STRONG = frozenset(
    word_list("不在乎 不由得 为了 乡下 人们 他们 你们 咱们 哪个 她们 它们 我们 老太太 胡萝卜 除了 啰嗦")
)
_FULL_ER = "虐为护瞒救替有一我俺妻拐聋乞患幼孤婴舫祖美可侄孙女男花虫马鸟猪猫狗少"
_FULL_ER_WORDS = frozenset(word_list("连体儿 脑瘫儿 流浪儿 体弱儿 混血儿 蜜雪儿 应采儿 红孩儿"))
_JOINED_ER = frozenset(word_list("小院儿 胡同儿 范儿 老汉儿 撒欢儿 寻老礼儿 妥妥儿 媳妇儿"))


def drop_tones(text: str, part: str, finals: list[str], split: SplitWord) -> None:
    """Give tone 5 to the syllables of a word that lose their tone."""
    for index in range(1, len(text)):
        if text[index] == text[index - 1] and part[:1] in {"n", "v", "a"} and text not in _WITH_TONE:
            _weaken(finals, index)
    last, many = text[-1], len(text) > 1
    counted = text.find("个")
    if (
        last in _PARTICLES
        or last in "的地得"
        or (text in {"了", "着", "过"} and part in {"ul", "uz", "ug"})
        or (many and last in "们子" and part in {"r", "n"} and text not in _WITH_TONE)
        or (many and last in "上下里" and part in {"s", "l", "f"})
        or (many and last in "来去" and text[-2] in "上下进出回过起开")
    ):
        _weaken(finals, -1)
    elif text == "个" or (
        counted >= 1 and (text[counted - 1].isnumeric() or text[counted - 1] in "几有两半多各整每做是")
    ):
        _weaken(finals, counted)
    elif _is_weak(text):
        _weaken(finals, -1)
    first, second = split(text)
    if _is_weak(first):
        _weaken(finals, len(first) - 1)
    if _is_weak(second):
        _weaken(finals, -1)


def _is_weak(text: str) -> bool:
    known = neutral_words()
    return any(
        word in _WEAK_TOO or (word in known and word not in _STRONG and not _is_regular(word))
        for word in (text, text[-2:])
    )


def _is_regular(word: str) -> bool:
    """Words in 子 and doubled characters come from rules, not from the list."""
    return word.endswith("子") or len(set(word)) < len(word)


def _weaken(finals: list[str], index: int) -> None:
    finals[index] = finals[index][:-1] + "5"


def change_thirds(text: str, finals: list[str], split: SplitWord) -> None:
    """Third tones before third tones, only inside the parts of a word and before a part that begins with one."""
    third = [final[-1:] == "3" for final in finals]
    change: list[int] = []
    if len(text) == 2 and all(third):
        change = [0]
    elif len(text) == 3:
        first = len(split(text)[0])
        if all(third):
            change = [0, 1] if first == 2 else [1] if first == 1 else []
        elif first == 2 and third[0] and third[1]:
            change = [0]
        elif first == 1 and third[1] and third[2]:
            change = [1]
        elif first == 1 and third[0] and third[1]:
            change = [0]
    elif len(text) == 4:
        change = [start for start in (0, 2) if third[start] and third[start + 1]]
    for index in change:
        finals[index] = finals[index][:-1] + "2"


def keeps_er(text: str, part: str) -> bool:
    """Whether 儿 at the end is a syllable with its own tone."""
    full = text[-2] in _FULL_ER
    return full or (text not in _JOINED_ER and (text in _FULL_ER_WORDS or part in {"a", "j", "nr"}))
