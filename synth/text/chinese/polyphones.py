"""Chinese characters with several readings, settled by the words beside them.

A word of several characters has its reading from the dictionary; these rules are for characters that stand alone,
for surnames and for words that the dictionary reads otherwise. Neural readers that a package carries were tried and
read fewer of our rows right than the dictionary alone (docs/text.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from synth.text.chinese.readings import Syllable, split_pinyin
from synth.text.chinese.sandhi import TaggedWord

_NUMERALS = "零一二三四五六七八九十百千万两几半多每"
_TITLES = (
    "先生|女士|小姐|太太|夫人|老师|教授|博士|医生|大夫|护士|同学|同志|总|经理|主任|主席|老板|校长|院长|局长|处长|部长|市长|"
    "省长|书记|将军|师傅|律师|工|导|董|队长|老|大爷|大妈|阿姨|叔叔|姐|哥|家|某|姓|氏"
)
# Surnames that are read otherwise than the word.
_SURNAMES = {
    "曾": "zeng1", "任": "ren2", "查": "zha1", "单": "shan4", "翟": "zhai2", "仇": "qiu2", "朴": "piao2",
    "区": "ou1", "解": "xie4", "缪": "miao4", "华": "hua4", "盖": "ge3", "葛": "ge3", "乐": "yue4", "过": "guo1",
    "覃": "qin2", "召": "shao4", "折": "she2", "阚": "kan4", "冼": "xian3", "卜": "bu3", "尹": "yin3", "秘": "bi4",
    "种": "chong2", "黑": "he4", "员": "yun4", "繁": "po2", "车": "che1", "宓": "mi4", "佴": "nai4", "訾": "zi1",
    "褚": "chu3", "纪": "ji3", "洗": "xian3", "燕": "yan1", "哈": "ha3", "那": "na1", "令": "ling2",
}  # fmt: skip
# These are names only before a title or where jieba takes the whole for a person's name.
_NAME_PARTS = frozenset({"nr", "nrt", "nrfg"})
_COMPOUND_SURNAMES = {
    "尉迟": "yu4 chi2", "万俟": "mo4 qi2", "单于": "chan2 yu2", "长孙": "zhang3 sun1", "令狐": "ling2 hu2",
    "澹台": "tan2 tai2", "宰父": "zai3 fu3", "宿六": "su4 liu4",
}  # fmt: skip
# Words that the dictionary lacks or reads otherwise.
_WORDS = {
    "长子": "zhang3 zi3", "长女": "zhang3 nv3", "长孙": "zhang3 sun1", "卷子": "juan4 zi5", "炸鸡": "zha2 ji1",
    "炸鱼": "zha2 yu2", "炸薯条": "zha2 shu3 tiao2", "油炸": "you2 zha2", "炸酱面": "zha2 jiang4 mian4",
    "书包带": "shu1 bao1 dai4", "薄饼": "bao2 bing3", "曝光": "bao4 guang1", "曝出": "bao4 chu1", "曝料": "bao4 liao4",
    "不得劲": "bu4 de2 jin4", "了结": "liao3 jie2", "率先": "shuai4 xian1", "供不应求": "gong1 bu4 ying4 qiu2",
    "角逐": "jue2 zhu2", "主角": "zhu3 jue2", "配角": "pei4 jue2", "一模一样": "yi1 mu2 yi1 yang4",
    "强词夺理": "qiang3 ci2 duo2 li3", "血淋淋": "xie3 lin1 lin1", "呆板": "dai1 ban3", "逮捕": "dai4 bu3",
    "大都市": "da4 du1 shi4", "大都": "da4 du1",
    "下载": "xia4 zai4", "载入": "zai3 ru4", "载歌载舞": "zai4 ge1 zai4 wu3",
    "行当": "hang2 dang5", "银行": "yin2 hang2", "排行": "pai2 hang2", "行列": "hang2 lie4", "同行业": "tong2 hang2 ye4",
    "绿林": "lu4 lin2", "倒车": "dao4 che1", "倒计时": "dao4 ji4 shi2",
    "粘贴": "zhan1 tie1", "扒手": "pa2 shou3",
    "便宜": "pian2 yi5", "模具": "mu2 ju4",
    "煞费苦心": "sha4 fei4 ku3 xin1", "累赘": "lei2 zhui4", "处方": "chu3 fang1",
}  # fmt: skip
# Words of two whose first character the context decides all the same.
_LED_BY_ONE = frozenset(
    [
        "得了",
        "还了",
        "还给",
        "长了",
        "中了",
        "背着",
        "着了",
        "长达",
        "长得",
        "冲着",
        "倒了",
        "种了",
        "盛了",
        "量了",
        "行字",
        "炸了",
        "教了",
        "数着",
        "系着",
    ]
)
# Character -> (what stands before it, what comes after it, reading), the first that fits. "^" and "$" are the ends.
_CONTEXTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "得": (
        ("[不舍值懂记晓使显]$", "", ""),
        ("", "[了到过](?!不|很)|第|满?分|奖|冠军|亚军|癌|病|票|一等|罪|势|逞|知", "de2"),
        ("(?:^|[我你他她它们咱您谁人就也还总都可又便非必要会真只需事这那])$",
         "(?!很|非常|太|多|更|快|慢|好|不|像|对|要命|厉害|高|低)[\u4e00-\u9fff]", "dei3"),
        ("[\u4e00-\u9fff]$", "", "de5"),
    ),
    "还": (
        ("(?:归|偿|退|交|返|奉|送|讨|把.{1,8})$", "", "huan2"),
        ("", "(?:[钱债款书账贷清俸愿本息]|了(?!是|有|没|在|要|能)|给[我你他她们它图][^，。]{0,4}$|给图书馆|我(?:钱|书|清白|公道))", "huan2"),
    ),
    "长": (
        ("[很太真更最好多不特常么那这够较不过]$", "", "chang2"),
        ("", "达|约|为|宽|短|长|度|袍|裙|椅|\\d|[一二三四五六七八九十百几两]+[米公里厘尺丈]", "chang2"),
        ("(?:头发|时间|路|个子|胡子|篇幅|尾巴|袖子|指甲|夜|裤子|裙子)$", "[了，。]|$", "chang2"),
        ("", "[大高得出成满胖老了着过在相]|个|草|毛|牙|肉|虫|痘|势", "zhang3"),
    ),
    "着": (
        ("[睡找碰遇猜逮够]$", "[了没不]", "zhao2"),
        ("", "了[凉迷火魔道慌急]|[凉迷火魔慌急]", "zhao2"),
        ("(?:高|一|这|那|绝|妙|几)$", "(?:棋|儿|数)", "zhao1"),
    ),
    "中": (
        ("[击打射看猜说切命选押考抽]$", "", "zhong4"),
        ("", "了|奖|毒|弹|计|标|枪|圈套|邪|暑|彩票|意(?![识大])", "zhong4"),
    ),
    "背": (
        ("", "(?:着|起|上|了)?(?:包|书包|孩子|小孩|娃|孙|行李|枪|锅|黑锅|债|负|篓|筐|箱|柴|伤员|米|粮|吉他|双肩)", "bei1"),
    ),
    "行": (
        (f"[{_NUMERALS}这那哪上下首末第整]$", "(?:字|诗|代码|文字|数|树|泪|白|大字|小字|白鹭|人马|，|。|$)", "hang2"),
        ("(?:一|这|那|哪|每|各|干)$", "(?:的|里|业|都|干)", "hang2"),
    ),
    "种": (
        (f"[{_NUMERALS}这那各某何哪品物人同]$", "", ""),
        ("", "(?:树|地|菜|花|草|田|粮|下|了|上|着|过|植|瓜|豆|水稻|玉米|棉花|庄稼|果|茶|小麦|土豆|的是)", "zhong4"),
    ),
    "冲": (("", "着|(?:我|他|她|你)[笑喊叫吼]", "chong4"),),
    "炸": (("", "(?:好|了|得|着|一)?(?:鸡|鱼|薯|酱|油条|丸|虾|串|猪排|春卷|酥|蘑菇|豆腐|茄)", "zha2"),),
    "倒": (
        ("", "(?:了|出|进|入|满|点|上|给|好|掉)?(?:[一两三几半]?[杯碗壶点些盆桶])?(?:水|茶|酒|牛奶|咖啡|油|垃圾|汤|车|退|立|影|数|挂)",
         "dao4"),
        ("", "[是也不还挺真](?!下|了|闭|塌|霉)", "dao4"),
    ),
    "教": (("", "[我你他她它们书会给过了着]|学生|孩子|英语|数学|语文|物理|音乐|汉语|中文|跳舞|唱歌|游泳|小学|中学|大学", "jiao1"),),
    "盛": (("", "(?:了|好|满|出|上)?(?:[一两三几半]?[碗勺盘盆])?(?:饭|汤|菜|粥|水|面|满)", "cheng2"),),
    "朝": (("", "[我你他她它着东南西北前后左右上下窗门]", "chao2"),),
    "转": (("", "(?:了|着|个|起|了一|了几)?(?:圈|悠|盘|动|速|轮|椅|晕)", "zhuan4"), ("[打团旋]$", "", "zhuan4")),
    "数": (("", "(?:不清|得上|一数|数|着|到|钱|完|了数|落|星星|羊|来宝|[一二三])", "shu3"),),
    "量": (("", "(?:了|一|好|量|过)?(?:体温|血压|身高|尺寸|体重|衣|腰围|长度|一下|一量)", "liang2"),),
    "落": (("", "(?:下|在|了)(?:东西|家里?|车上|钥匙|手机|钱包|教室|作业|课|雨伞|一个字)", "la4"),),
    "薄": (("[很太真更最较不单]$", "", "bao2"), ("", "(?:薄|饼|被|片|纸|板|的|了|皮|冰|荷)", "bao2")),
    "系": (("", "(?:上|着|好|紧|了)?(?:鞋带|领带|安全带|围巾|围裙|扣子|腰带|带子|绳)", "ji4"),),
    "空": (("[有没抽得偷]$", "", "kong4"), ("", "(?:着|出|位|地|闲|隙|缺|格|档|白)", "kong4")),
    "干": (("", "(?:活|什么|嘛|吗|完|起|掉|架|脆|革命|大事|坏事|这|那|过|部|劲|得|到|工作|一番|了[一件什这])", "gan4"),),
    "重": (("", "(?:新|复|来|做|写|建|装|启|播|读|唱|开|逢|温|演|返|回|申|组|现|修|名|影|合|叠|阳|庆|审|走|拍|印)", "chong2"),),
    "当": (("", "(?:作|成|真|做|回事|铺|晚|天就)", "dang4"), ("(?:上|恰|适|妥)$", "", "dang4")),
    "为": (
        ("以.{1,8}$", "", "wei2"),
        ("[成作称认变分列评选誉视改译转化命立]$", "", "wei2"),
        ("", "(?:[\\d零一二三四五六七八九十百千万两]|主(?!人)|首|例|止|准|期|限|伴|邻|所欲|人师|难)", "wei2"),
        ("", "(?:什么|何|了|此|之|人民|祖国|国家|[我你他她它]|大家|孩子|您|自己|客户|学生|梦想|爱)", "wei4"),
    ),
    "了": (("[\u4e00-\u9fff][不得]$", "$|[，。吧吗的]", "liao3"), ("^", "解|结|断|如|不起|却|无", "liao3")),
    "好": (("", "(?:学|奇|客|色|胜|动|战|斗|赌|酒|吃懒做|逸恶劳|高骛远|为人师)", "hao4"), ("(?:爱|喜|嗜|偏|癖)$", "", "hao4")),
    "难": (("(?:灾|遇|苦|患|逃|避|落|蒙|空|海|殉|罹|发|责|刁|非)$", "", "nan4"), ("", "(?:民|友|兄难弟)", "nan4")),
    "应": (("(?:反|响|适|供|答|回|呼|效|对|感|照|顺|接|相)$", "", "ying4"),
           ("", "(?:聘|邀|付|对|战|用|酬|急|考|试|变|验|景|声|征|和|运)", "ying4")),
    "假": (("(?:放|请|病|事|休|度|寒|暑|长|年|婚|产|告|销)$", "", "jia4"), ("", "(?:期|日|条)", "jia4")),
    "曲": (("(?:歌|乐|名|插|组|戏|作|一|首|进行|圆舞|小夜|主题|编|谱|舞|元)$", "", "qu3"),),
    "只": ((f"[{_NUMERALS}]$", "", "zhi1"), ("(?:这|那|哪|船|每)$", "(?!有|是|能|要|会|不|想)", "zhi1")),
}  # fmt: skip


def settled(words: Sequence[TaggedWord]) -> dict[int, Syllable]:
    """Position of a character in the sentence -> its reading, where a rule has one."""
    sentence = "".join(word.text for word in words)
    found: dict[int, Syllable] = {}
    at = 0
    for word in words:
        end = at + len(word.text)
        before, after = sentence[max(0, at - 16) : at], sentence[end : end + 16]
        for position, reading in _of_word(word, before, after).items():
            found[at + position] = split_pinyin(reading)
        at += len(word.text)
    return found


def _of_word(word: TaggedWord, before: str, after: str) -> dict[int, str]:
    if word.text == "地" and word.part == "uv":
        return {0: "de5"}  # 慢慢地
    if name := _of_name(word, before, after):
        return name
    if known := _WORDS.get(word.text):
        return dict(enumerate(known.split()))
    if len(word.text) == 3 and word.text[1] == "得" and word.text[0] not in "不舍值懂记获取":
        return {1: "de5"}  # 说得对
    if len(word.text) > 1 and word.text[-1] == "儿" and word.text in {"花儿", "鸟儿"}:
        return {}
    if len(word.text) == 1 or word.text in _LED_BY_ONE:
        rest = word.text[1:] + after
        if reading := _in_context(word.text[0], before, rest):
            return {0: reading}
    if len(word.text) == 2 and word.text[0] in "我你他她它谁" and word.text[1] in _CONTEXTS:
        reading = _in_context(word.text[1], before + word.text[0], after)
        return {1: reading} if reading else {}
    return {}


def _of_name(word: TaggedWord, before: str, after: str) -> dict[int, str]:
    """The surname of a person: before a title, behind 姓, or where jieba sees a name."""
    for surname, reading in _COMPOUND_SURNAMES.items():
        if word.text.startswith(surname) and (word.part in _NAME_PARTS or re.match(_TITLES, after)):
            return dict(enumerate(reading.split()))
    first, rest = word.text[0], word.text[1:] + after
    if first not in _SURNAMES:
        return {}
    alone = len(word.text) == 1
    titled = alone and re.match(_TITLES.replace("|家|", "|"), after) is not None
    called = alone and (before.endswith("姓") or (before[-1:] in "老小" and not after[:1].strip("，。,.!?")))
    named = word.part in _NAME_PARTS and 1 < len(word.text) <= 4
    if first in "过那种黑员车折召令哈盖区解单任查洗繁" and alone and not (titled or called):
        return {}
    if rest[:2] in {"家的", "家里"}:
        return {}
    return {0: _SURNAMES[first]} if titled or called or named else {}


def _in_context(character: str, before: str, after: str) -> str:
    for left, right, reading in _CONTEXTS.get(character, ()):
        if (not left or re.search(left, before)) and (not right or re.match(right, after)):
            return reading
    return ""
