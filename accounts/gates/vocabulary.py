"""Word lists of the challenge: the words to be said, and names, organisations and dates that serve as decoys.

Every English word here is in the recogniser's dictionary (a test holds that).
"""

from __future__ import annotations


def listed(text: str) -> tuple[str, ...]:
    """The words of `text`."""
    return tuple(text.split())


# Two syllables each, no two closer than two phones.
WORDS_EN = listed(
    """anchor apple autumn bamboo basket beacon blanket bottle butter cabin candle canyon carpet castle cherry
    chimney circle coffee compass copper cotton crystal daisy diamond dolphin donkey dragon eagle elbow engine
    falcon feather finger forest garden ginger guitar hammer harbor helmet hunter jacket jungle kitchen
    ladder lantern lemon lizard magnet maple market meadow mirror monkey mountain needle ocean orange palace
    parrot pencil pepper pilot planet pocket pumpkin purple rabbit ribbon river saddle salmon shadow silver
    sparrow spider station sugar summer sunset teapot temple thunder ticket tiger timber tractor tunnel turtle
    valley velvet village walnut water whisper window winter yellow zebra"""
)
WORDS_ZH = listed(
    """苹果 森林 河流 月亮 太阳 星空 海洋 高山 草原 沙漠 花园 雨伞 窗户 桌子 椅子 书包 铅笔 毛笔 钢琴 吉他
    火车 飞机 轮船 汽车 单车 蝴蝶 蜻蜓 蜜蜂 燕子 麻雀 老虎 狮子 大象 熊猫 兔子 松鼠 骆驼 海豚 鲸鱼 乌龟
    牛奶 面包 米饭 豆腐 辣椒 番茄 黄瓜 土豆 葡萄 西瓜 香蕉 橙子 核桃 花生 茶叶 咖啡 春天 夏日 秋风 冬雪
    清晨 黄昏 午夜 彩虹 闪电 云朵 露水 冰川 瀑布 湖泊 岛屿 沙滩 城市 乡村 桥梁 灯塔 邮局 学校 医院 图书
    地图 钟表 镜子 梳子 剪刀 钥匙 雨水 石头 木材 丝绸 陶瓷 玻璃 金属 羽毛 贝壳 珍珠"""
)

GIVEN_NAMES = listed(
    """anna peter laura david maria robert susan kevin nancy edward helen victor diana martin olivia george
    rachel thomas emily daniel sophie walter irene charles gloria patrick teresa frank"""
)
FAMILY_NAMES = listed(
    """johnson miller peterson garcia walker robinson campbell mitchell roberts phillips evans parker collins
    stewart sanchez morris rogers cooper richardson watson brooks kelly sanders bennett wood hughes foster
    simmons"""
)
ORGANISATIONS = (
    "northern media",
    "silver lake audio",
    "the evening post",
    "global voice company",
    "green valley radio",
    "first national bank",
    "modern language school",
    "united airlines",
    "pacific publishing",
    "crown theater",
    "blue mountain games",
    "central hospital",
    "city transport",
    "royal book club",
    "future robotics",
    "sunrise television",
    "western insurance",
    "capital news network",
    "open science institute",
    "grand hotel group",
)

# How each purpose of a consent is said (the keys are those of its scope), and the making of a model of the voice.
PURPOSES_EN = {
    "general": "general use",
    "narration": "narration",
    "dubbing": "dubbing",
    "assistant": "assistants",
    "accessibility": "accessibility",
    "advertising": "advertising",
    "political": "politics",
    "custom_weights": "model training",
}
PURPOSES_ZH = {
    "general": "日常用途",
    "narration": "朗读",
    "dubbing": "配音",
    "assistant": "语音助手",
    "accessibility": "无障碍服务",
    "advertising": "广告",
    "political": "政治宣传",
    "custom_weights": "训练专属模型",
}

DIGITS = listed("zero one two three four five six seven eight nine")
TEENS = listed("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
TENS = listed("twenty thirty forty fifty sixty seventy eighty ninety")
ORDINALS = listed(
    """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"""
)
DAYS = (*ORDINALS, *(f"twenty {ordinal}" for ordinal in ORDINALS[:9]), "thirtieth", "thirty first")
MONTHS = listed("january february march april may june july august september october november december")
ZH_DIGITS = "零一二三四五六七八九"
