"""Fold the spellings of one word to one form."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook.kit.text import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ADA", "ada"),
        ("Straße", "STRASSE"),
        ("é", "e\u0301"),
        ("ﬁne", "fine"),
        ("\uff21da", "ada"),
        ("\u212aelvin", "kelvin"),
        ("a\u00adda", "ada"),
        ("a\u200bda", "ada"),
        ("ada\ufe0f", "ada"),
        ("\u0345", "\u03b9"),
    ],
)
def test_spellings_of_one_word_fold_to_one_form(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("ada", "adа"), ("a b", "ab"), ("e", "é")])
def test_different_words_fold_to_different_forms(one, other):
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_is_stable_under_normalization(text):
    folded = fold(text)
    assert fold(folded) == folded
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(unicodedata.normalize(form, text)) == folded
