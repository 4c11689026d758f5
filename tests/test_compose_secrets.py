"""The passwords that the containers of docker-compose.yml share."""

import re
import stat
from datetime import UTC, datetime, timedelta

from rollbook import compose_secrets
from rollbook.self_signed_certificate import LIFETIME
from tests.serving.guarded import run_command

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_secrets_are_random_and_created_once(tmp_path):
    for name in ("api", "edge", "mongo", "prometheus", "redis"):
        (tmp_path / name).mkdir()
    created = compose_secrets.create_secrets(tmp_path, NOW)
    contents = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert {str(path) for path in contents} == set(created)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in contents)
    assert (
        len({secret for text in contents.values() for secret in re.findall("[0-9a-f]{64}", text)})
        == 5
    )
    assert compose_secrets.create_secrets(tmp_path, NOW) == []
    assert {path: path.read_text() for path in contents} == contents
    uri = (tmp_path / "api" / "mongodb_uri").read_text()
    assert (tmp_path / "mongo" / "password").read_text().strip() in uri
    assert (tmp_path / "redis" / "redis.conf").read_text().split()[1] in (
        tmp_path / "api" / "redis_url"
    ).read_text()


def test_missing_folder_is_reported_in_one_line(tmp_path):
    result = run_command(tmp_path, "compose-secrets", str(tmp_path / "nowhere"))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.strip().endswith("No such file or directory")


def test_certificate_is_renewed_before_it_expires(tmp_path):
    for name in ("api", "edge", "mongo", "prometheus", "redis"):
        (tmp_path / name).mkdir()
    compose_secrets.create_secrets(tmp_path, NOW)
    key, first = ((tmp_path / "edge" / name).read_text() for name in ("tls.key", "tls.crt"))
    assert compose_secrets.create_secrets(tmp_path, NOW + LIFETIME - timedelta(days=31)) == []
    renewed = compose_secrets.create_secrets(tmp_path, NOW + LIFETIME - timedelta(days=29))
    assert renewed == [str(tmp_path / "edge" / "tls.crt")]
    assert (tmp_path / "edge" / "tls.crt").read_text() != first
    assert (tmp_path / "edge" / "tls.key").read_text() == key
