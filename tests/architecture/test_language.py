"""Plain English: banned words, lengths of test names, and short paragraphs in the README.

CONTRIBUTING.md has the glossary. Each rule is seen to find a planted fault.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FROZEN = re.compile(r"migrations/steps/m\d+|tests/architecture/test_language|/data/")
"""Released migrations are never edited."""
MAX_TEST_NAME = 60
MAX_PARAGRAPH_LINES = 3

BANNED_NAMES = {
    **dict.fromkeys(("reached", "told", "named", "taken", "meant_by", "reaching"), "use a verb"),
    "put_on_record": "audit_user_change",
    "everyday": "request limits",
    "standing": "limit status",
    "STRANGERS": "ALL_ADDRESSES_FACTOR",
    "unhurried": "without_timeout",
    "beside_what_runs": "open_database",
    "RepeatService": "IdempotencyService",
    "KeptRequest": "IdempotencyRecord",
    r"(MOST|LEAST|LONGEST|SHORTEST|FEWEST)_\w+": "MIN_… or MAX_…",
    "_thing": "item",
}
"""Names of functions, classes, constants and modules, with what to write instead."""
BANNED_WORDS = {
    r"whoever": "name who: the caller, the user, anyone",
    r"nobody in particular": "an anonymous caller",
    r"of all that": "say which",
    r"(is|are|goes?|put|puts) on record": "in the audit log",
    r"(read|in|on|from|of) the record\b": "the audit log",
    r"corridor": "layers",
    r"\brooms?\b": "feature, or package",
    r"guess(es)? at a secret": "sign-in attempt",
    r"is told\b(?! apart)|are told|were told": "gets, or the response says",
    r"goes by|go by": "uses",
    r"meanwhile whoever": "say who",
    r"anew": "again",
    r"stump|beginnings": "say what it is",
    r"\bmake up\b|\bmade up\b": "generate, or create",
}
"""In prose and messages, with what to write instead."""

DEFINITION = re.compile(r"^\s*(?:def|class) (\w+)|^(\w+)(?:: [^=]+)? = ", re.M)


def list_texts() -> dict[str, str]:
    """Path → text of the sources, the tests and the pages."""
    patterns = ("src/**/*.py", "tests/**/*.py", "benchmarks/*.py", "run.py", "docs/**/*.md", "*.md")
    paths = {path.relative_to(ROOT).as_posix(): path for p in patterns for path in ROOT.glob(p)}
    return {name: path.read_text() for name, path in paths.items() if not FROZEN.search(name)}


def find_banned_names(texts: dict[str, str]) -> list[str]:
    banned = {re.compile(rf"_?({name})"): better for name, better in BANNED_NAMES.items()}
    return [
        f"{path}: {name} → {better}"
        for path, text in texts.items()
        if path.endswith(".py")
        for match in DEFINITION.finditer(text)
        for name in filter(None, match.groups())
        for pattern, better in banned.items()
        if pattern.fullmatch(name)
    ]


def find_banned_words(texts: dict[str, str]) -> list[str]:
    found = []
    for path, text in texts.items():
        if path == "CONTRIBUTING.md":
            text = text.partition("## Glossary")[0]
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, better in BANNED_WORDS.items():
                if match := re.search(pattern, line, re.I):
                    found.append(f"{path}:{number}: “{match[0]}” → {better}")
    return found


def find_long_test_names(texts: dict[str, str]) -> list[str]:
    names = [
        n
        for p, t in texts.items()
        if p.startswith("tests/")
        for n in re.findall(r"def (test_\w+)", t)
    ]
    return [name for name in names if len(name) > MAX_TEST_NAME]


def find_long_paragraphs(markdown: str) -> list[str]:
    """Paragraphs and list items of more than three lines, without code and tables."""
    prose = re.sub(r"^```.*?^```", "", markdown, flags=re.M | re.S)
    blocks = re.split(r"\n\s*\n|\n(?=[-*] )", prose)
    paragraphs = [block.strip() for block in blocks if not block.lstrip().startswith("|")]
    return [p[:40] for p in paragraphs if len(p.splitlines()) > MAX_PARAGRAPH_LINES]


def test_names_are_verbs_and_standard_terms():
    assert find_banned_names(list_texts()) == []


def test_banned_name_is_found():
    planted = "MOST_USERS = 3\n\n\ndef told(): ...\n\n\nclass RepeatService: ...\n"
    assert find_banned_names({"a.py": planted}) == [
        "a.py: MOST_USERS → MIN_… or MAX_…",
        "a.py: told → use a verb",
        "a.py: RepeatService → IdempotencyService",
    ]


def test_prose_has_no_banned_word():
    assert find_banned_words(list_texts()) == []


def test_banned_word_is_found():
    planted = "One line.\nWhoever registers is told."
    assert [fault[:6] for fault in find_banned_words({"a.md": planted})] == ["a.md:2", "a.md:2"]


def test_test_names_are_short():
    assert find_long_test_names(list_texts()) == []
    name = "test_" + "x" * 60
    assert find_long_test_names({"tests/a.py": f"def {name}(): ..."}) == [name]


def test_readme_has_short_paragraphs():
    assert find_long_paragraphs((ROOT / "README.md").read_text()) == []
    planted = "Short.\n\nOne\ntwo\nthree\nfour\n\n```\na\nb\nc\nd\n```\n"
    assert find_long_paragraphs(planted) == ["One\ntwo\nthree\nfour"]
