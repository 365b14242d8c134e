"""What somebody could type where a name or a number is meant."""

from __future__ import annotations

TEXTS = (
    "", " ", "'", '"', "'; DROP TABLE scores;--", '" OR 1=1 --', "x' UNION SELECT 1;--", "\\", "*", "[a-z]*", "%s%s%n",
    "%00", "{}", "{0.__class__}", "{{ 7*7 }}", "$(touch pwned)", "`touch pwned`", "; touch pwned", "| tee pwned",
    "${HOME}", "../../../../etc/passwd", "..", "/etc/passwd", "~nobodyatall/x", "C:\\x", "file:///etc/passwd",
    "memory://x", "http://[::1", "\x00", "a\x00b", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x7f", "\x9b31m",
    "\r\nHeader: x", "a\nb", "\t", "\u202egnp.exe", "\u200f", "\u2028", "\ufeff", "\ud800", "😀", "ünï", "null", "None",
    "[]", '{"a": 1}', "[bold]x[/nope]", "<script>alert(1)</script>", "__proto__", "-1", "x" * 10_000, "x" * 256 + "/y",
)  # fmt: skip
NUMBERS = (
    "nan", "NaN", "inf", "-inf", "Infinity", "1e309", "-1e309", "1e1000000", "1e-400", "-0", "-0.0", "-1", "11",
    "9" * 5000, "9223372036854775808", "0x10", "1_0", "６", "٣", "½", "1,5", "", " 5 ", "5\n", "5;--", "'", "true",
    "None", "[5]", "{}", "\x1b[31m5", "5\u200f",
)  # fmt: skip
VALUES = (
    True, False, None, [], [5], {}, {"a": 1}, -1, 0, -0.0, 1e308, float("nan"), float("inf"), -float("inf"), 10**400,
    2**63, [[[]]], {"__prefect_kind": "none"}, "5", "6.5",
)  # fmt: skip
"""What a program could send in their place."""


def find_hidden(text: str) -> set[str]:
    """Return the characters of a text, line breaks aside, that a terminal would obey or turn around."""
    return {letter for letter in text if not letter.isprintable() and letter != "\n"}
