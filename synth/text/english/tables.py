"""Words for units, money, signs and abbreviations in English."""

from __future__ import annotations

import re

from synth.text.symbols import word_list

MONTHS = word_list("January February March April May June July August September October November December")
MONTH = "|".join([*MONTHS, *(month[:3] + r"\.?" for month in MONTHS if month != "May"), r"Sept\.?"])

# Unit: singular, plural. Case matters: 5 M is not five metres.
UNITS = {
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "m/s": ("meter per second", "meters per second"),
    "mph": ("mile per hour", "miles per hour"),
    "°C": ("degree celsius", "degrees celsius"),
    "℃": ("degree celsius", "degrees celsius"),
    "°F": ("degree fahrenheit", "degrees fahrenheit"),
    "℉": ("degree fahrenheit", "degrees fahrenheit"),
    "°": ("degree", "degrees"),
    "km2": ("square kilometer", "square kilometers"),
    "cm2": ("square centimeter", "square centimeters"),
    "m2": ("square meter", "square meters"),
    "m3": ("cubic meter", "cubic meters"),
    "ft2": ("square foot", "square feet"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "lbs": ("pound", "pounds"),
    "lb": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ft": ("foot", "feet"),
    "tbsp": ("tablespoon", "tablespoons"),
    "tsp": ("teaspoon", "teaspoons"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "Hz": ("hertz", "hertz"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "kW": ("kilowatt", "kilowatts"),
    "mAh": ("milliamp hour", "milliamp hours"),
    "min": ("minute", "minutes"),
    "hrs": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "yd": ("yard", "yards"),
    "gal": ("gallon", "gallons"),
    "psi": ("pound per square inch", "pounds per square inch"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "dB": ("decibel", "decibels"),
    "ms": ("millisecond", "milliseconds"),
    "m": ("meter", "meters"),
    "L": ("liter", "liters"),
    "h": ("hour", "hours"),
    "s": ("second", "seconds"),
    "g": ("gram", "grams"),
}
UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
MONEY = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yuan", "yuan", "fen", "fen"),
    "￥": ("yuan", "yuan", "fen", "fen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "jeon", "jeon"),
}
SCALES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "bn": "billion",
    "B": "billion",
}
SIGNS = {
    "+": "plus", "-": "minus", "−": "minus", "×": "times", "*": "times", "÷": "divided by", "=": "equals",
    "==": "equals", "≠": "is not equal to", "!=": "is not equal to", "≤": "is at most", "<=": "is at most",
    "≥": "is at least", ">=": "is at least", "<": "is less than", ">": "is greater than", "≈": "is approximately",
}  # fmt: skip
SYMBOLS = {
    "≥": " is at least ", "≤": " is at most ", "≠": " is not equal to ", "≈": " approximately ",
    "±": " plus or minus ", "√": " square root of ", "°": " degrees ", "÷": " divided by ", "×": " times ",
    "α": " alpha ", "β": " beta ", "γ": " gamma ", "δ": " delta ", "Δ": " delta ", "ε": " epsilon ", "θ": " theta ",
    "λ": " lambda ", "μ": " mu ", "µ": " mu ", "π": " pi ", "σ": " sigma ", "Σ": " sigma ", "τ": " tau ", "φ": " phi ",
    "ω": " omega ", "Ω": " omega ", "²": " squared ", "³": " cubed ",
    "§": " section ", "©": " copyright ", "®": " registered ", "™": "", "‰": " per mille ",
    "∞": " infinity ", "¢": " cents ",
    "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae", "ß": "ss", "đ": "d",
    "Đ": "D", "þ": "th", "Þ": "Th", "ð": "th", "ı": "i",
}  # fmt: skip
