"""The words that are stored of a user, and what `q` looks for."""

import pytest

from rollbook.users.search import MAX_WORDS, find_pair, list_pairs, list_words, parse_words


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["Ada Lovelace"], {"ada", "lovelace"}),
        (["Jean-Luc O'Neill"], {"jean-luc", "jean", "luc", "o'neill", "o", "neill"}),
        (["Ｓtraße", None, "ÉLODIE"], {"strasse", "élodie"}),
        (["  李  小龙 "], {"李", "小龙"}),
        (["$ne {}"], {"$ne", "ne", "{}"}),
    ],
)
def test_words_are_folded_parts_of_names(names, words):
    assert set(list_words(names, "x@y.org")) == words | {"x@y.org", "y.org"}


def test_domain_is_found_in_both_spellings():
    assert {"münchen.de", "xn--mnchen-3ya.de"} <= set(list_words([], "b@MÜNCHEN.de"))


def test_number_of_words_is_limited():
    assert len(list_words([" ".join(f"w{n}" for n in range(99))], "x@y.org")) == MAX_WORDS


def test_searched_pair_is_stored_for_every_order():
    pairs = list_pairs(list_words(["Maria de la Garcia"], "m@example.com"))
    for text in ("maria garcia", "garc mar", "GARCIA MARIA de"):
        assert find_pair(parse_words(text)) in pairs


@pytest.mark.parametrize(
    "text", ["", "maria", "ma ga", "maria ga", "lovelace love", "ada@example.com ada"]
)
def test_short_words_have_no_pair(text):
    assert find_pair(parse_words(text)) is None


def test_parsed_words_are_unique_and_the_longest_first():
    assert parse_words(" Ada LOVELACE @Example.com ada") == ["example.com", "lovelace", "ada"]
    assert parse_words("ADA@Example.com") == ["ada@example.com"]


def test_renamed_user_is_found_by_the_new_name_only(client, ada):
    client.patch(f"/api/users/{ada['id']}", json={"name": "Grace Hopper", "last_name": "King"})
    found = {q: len(client.get(f"/api/users?q={q}").json["data"]) for q in ("love", "hop", "king")}
    assert found == {"love": 0, "hop": 1, "king": 1}


def test_too_many_words_return_400(client):
    response = client.get("/api/users?q=" + "+".join("abcdefghijk"))
    assert response.status_code == 400
    assert response.json["error"]["details"][0]["field"] == "q"
