"""The texts of messages: complete in each language, safe in HTML, and replaceable one by one."""

from pathlib import Path

import pytest

from rollbook.account.purposes import SAMPLES
from rollbook.mail.service import TEST_KIND
from rollbook.mail.templates import FOLDER, TemplateRefused, Templates
from rollbook.mail_parts import check_templates
from rollbook.settings import SettingsError

LANGUAGES = ["en", "de", "fr", "es"]
LINK = "https://users.house.org/account/reset?token=abc"
KINDS = {**SAMPLES, TEST_KIND: {}}
VALUES = {"link": LINK, "minutes": 15, "hours": 1, "days": 7}
VALUES |= {"inviter": "Grace", "ip": "203.0.113.9", "at": "2026-11-30 12:00 UTC"}


@pytest.fixture
def templates():
    return Templates(None, LANGUAGES, "House & Garden", KINDS)


def test_every_kind_has_a_template_in_every_language(templates):
    kinds = KINDS.keys()
    assert {path.stem for path in FOLDER.glob("*/*.txt")} == kinds
    texts = {templates.render(kind, name, VALUES).text for kind in kinds for name in LANGUAGES}
    assert len(texts) == len(kinds) * len(LANGUAGES)


def test_link_is_a_button_and_values_are_escaped(templates):
    content = templates.render("password_reset", "en", VALUES)
    assert LINK in content.text
    assert f'href="{LINK}"' in content.html
    assert "House & Garden" in content.text
    assert "House &amp; Garden" in content.html
    assert content.subject == "Set a new password"
    assert not {"<script", "src=", "http://"} & set(content.html.split())


def replace(folder: Path, text: str) -> Templates:
    path = folder / "en" / "password_reset.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    kinds = {"password_reset": VALUES, "verification": VALUES}
    return Templates(folder, ["en"], "<House>", kinds)


def test_template_of_a_folder_replaces_one(tmp_path):
    templates = replace(tmp_path, "Subject: Neu {{ hours }}\n\n<b>{{ link }}</b>\nmore\n")
    content = templates.render("password_reset", "en", VALUES)
    assert (content.subject, content.text) == ("Neu 1", f"<b>{LINK}</b>\nmore\n")
    assert "&lt;b&gt;" in content.html
    assert templates.render("verification", "en", VALUES).subject.startswith("Confirm")


@pytest.mark.parametrize(
    "text",
    [
        "No subject\n\ntext",
        "Subject: x\n\n{{ unknown }}",
        "Subject: x\n\n{% if %}",
        "Subject: x\n\n{{ ''.__class__.__mro__ }}",
        "Subject: x\n\n{{ hours + 'x' }}",
        "Subject: x\n\nwithout a link",
    ],
)
def test_template_that_cannot_be_used_is_refused(tmp_path, text):
    with pytest.raises(TemplateRefused, match=r"en/password_reset\.txt"):
        replace(tmp_path, text).check()


def test_notice_with_a_link_is_refused(tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "password_changed.txt").write_text("Subject: x\n\n{{ link }}\n")
    with pytest.raises(TemplateRefused, match="'link' is undefined"):
        Templates(tmp_path, ["en"], "House", KINDS).check()


def test_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(TemplateRefused, match="is not a folder"):
        Templates(tmp_path / "absent", ["en"], "House", KINDS).check()


def test_file_that_is_not_utf_8_is_refused(tmp_path):
    templates = replace(tmp_path, "")
    (tmp_path / "en" / "password_reset.txt").write_bytes(b"Subject: \xff\n\n{{ link }}")
    with pytest.raises(TemplateRefused, match="UnicodeDecodeError"):
        templates.check()


def test_missing_language_stops_the_start(settings):
    check_templates(settings)
    with pytest.raises(SettingsError, match="MAIL_LANGUAGES: it/"):
        check_templates(settings.model_copy(update={"mail_languages": "en,it"}))
