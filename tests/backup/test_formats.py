"""Records and their container, without a database."""

from hashlib import shake_256
from io import BytesIO

import bson
import pyrage
import pytest

from rollbook.backup import container, records
from rollbook.backup.container import Keys, Locks
from rollbook.backup.errors import BackupError, DamagedBackup
from rollbook.backup.records import RecordReader

IDENTITY = pyrage.x25519.Identity.generate()
PASSPHRASE = "a passphrase of many words"
DOCUMENTS = [
    bson.encode({"_id": number, "noise": shake_256(b"%d" % number).digest(number)})
    for number in range(300)
]
LOCKS = {
    "plain": (Locks(), Keys()),
    "recipient": (Locks([str(IDENTITY.to_public())]), Keys([str(IDENTITY)])),
    "passphrase": (Locks(passphrase=PASSPHRASE), Keys(passphrase=PASSPHRASE)),
}


def write(locks):
    collections = [("a", DOCUMENTS[:100]), ("b", DOCUMENTS[100:])]
    parts = records.write_records({"version": "1"}, collections)
    target = BytesIO()
    container.write(parts, target, locks)
    return target.getvalue()


def read(content, keys):
    with container.open_records(BytesIO(content), keys) as source:
        reader = RecordReader(source)
        return reader.manifest, list(reader)


@pytest.mark.parametrize("name", LOCKS)
def test_documents_come_back_as_they_were(name):
    locks, keys = LOCKS[name]
    manifest, documents = read(write(locks), keys)
    assert manifest == {"format": 1, "version": "1"}
    assert documents == [("a", each) for each in DOCUMENTS[:100]] + [
        ("b", each) for each in DOCUMENTS[100:]
    ]


@pytest.mark.parametrize("name", ["plain", "recipient"])
def test_every_changed_or_missing_byte_is_found(name):
    locks, keys = LOCKS[name]
    content = write(locks)
    step = max(1, len(content) // 60)
    for position in range(0, len(content), step):
        changed = bytearray(content)
        changed[position] ^= 0x10
        for damaged in (bytes(changed), content[:position]):
            try:
                manifest, documents = read(damaged, keys)
            except BackupError:
                continue
            assert (manifest["version"], [each for _, each in documents]) == ("1", DOCUMENTS)
            assert position < 80, "only the header and gzip's own fields may differ"


@pytest.mark.long
@pytest.mark.parametrize("name", ["recipient", "passphrase"])
def test_encrypted_backup_shows_nothing(name):
    content = write(LOCKS[name][0])
    assert b"version" not in content
    for keys in (Keys(), Keys([str(pyrage.x25519.Identity.generate())])):
        with pytest.raises(BackupError):
            read(content, keys)
    with pytest.raises(BackupError):
        read(content, Keys(passphrase="another passphrase"))


def test_age_decrypts_what_follows_the_first_line():
    content = write(LOCKS["recipient"][0])
    assert pyrage.decrypt(content.partition(b"\n")[2], [IDENTITY])[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("content", [b"", b"\n", b"hello", b"{}\n", b"[1]\n", b"null\n" * 9])
def test_other_file_is_no_backup(content):
    with pytest.raises(DamagedBackup):
        read(content, Keys())


def test_plain_backup_is_refused_when_a_key_is_given():
    """Somebody who can replace the file could write one without a key."""
    for keys in (LOCKS["recipient"][1], LOCKS["passphrase"][1]):
        with pytest.raises(BackupError, match="not encrypted"):
            read(write(Locks()), keys)


def test_newer_format_is_refused():
    content = write(Locks()).replace(b'"rollbook_backup": 1', b'"rollbook_backup": 2')
    with pytest.raises(BackupError, match="newer rollbook"):
        read(content, Keys())


def test_error_while_reading_is_not_hidden_by_the_encryption():
    def fail():
        yield b"begun"
        raise KeyError("MongoDB went away")

    with pytest.raises(KeyError, match="went away"):
        container.write(fail(), BytesIO(), LOCKS["recipient"][0])


def test_wrong_recipient_is_refused():
    with pytest.raises(BackupError, match="age1"):
        write(Locks(["somebody"]))
