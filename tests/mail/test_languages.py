"""The language of a message: the user's, else one that the caller accepts, else the default."""

import pytest

from rollbook.mail.languages import choose_language, parse_accepted


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ([], "en"),
        ([None, "de"], "de"),
        (["de-AT"], "de"),
        (["DE-at", "fr"], "de"),
        (["pt-BR"], "pt-br"),
        (["pt"], "en"),
        (["xx", "fr-CA-x"], "fr"),
    ],
)
def test_first_offered_language_is_chosen(wanted, chosen):
    assert choose_language(["en", "de", "fr", "pt-br"], *wanted) == chosen


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", []),
        ("fr", ["fr"]),
        ("en;q=0.1, de;q=0.8,fr", ["fr", "de", "en"]),
        ("de;q=0, en", ["en"]),
        ("de;q=x, *;q=0.5", ["*"]),
        ("," * 100, []),
    ],
)
def test_accept_language_is_parsed_by_weight(header, tags):
    assert parse_accepted(header) == tags
