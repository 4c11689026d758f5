"""Reads whole collections at one point in time, and writes them."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from mongoengine.connection import get_connection, get_db
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from rollbook.backup.errors import BackupError
from rollbook.storage.driver_errors import translate_driver_errors, without_timeout

RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
READ_BATCH = 1000
SNAPSHOT_ERRORS = {"SnapshotTooOld", "SnapshotUnavailable"}
TOO_LONG = (
    "MongoDB does not keep the past for so long. Set minSnapshotHistoryWindowInSeconds to more "
    "than the default of 300, and take the backup again."
)


@contextmanager
def open_snapshot() -> Iterator[ClientSession]:
    """Open a client session whose reads all see the database at the time of the first one."""
    with (
        translate_driver_errors(),
        without_timeout(),
        get_connection().start_session(snapshot=True) as session,
    ):
        try:
            yield session
        except OperationFailure as error:
            if (error.details or {}).get("codeName") in SNAPSHOT_ERRORS:
                raise BackupError(TOO_LONG) from None
            raise


def read_all(collection: str, snapshot: ClientSession) -> Iterator[bytes]:
    """Read all documents of a collection in BSON."""
    found = get_db().get_collection(collection, codec_options=RAW)
    for document in found.find({}, session=snapshot, batch_size=READ_BATCH):
        yield document.raw


def insert_all(collection: str, documents: Sequence[bytes]) -> None:
    """Insert documents in BSON, of this version or an earlier one."""
    with translate_driver_errors(), without_timeout():
        get_db().get_collection(collection, codec_options=RAW).insert_many(
            [RawBSONDocument(each) for each in documents],
            ordered=False,
            bypass_document_validation=True,
            session=None,
        )


def count(collections: Collection[str]) -> int:
    """Count the documents of some collections, roughly."""
    with translate_driver_errors():
        return sum(get_db()[name].estimated_document_count() for name in collections)


def drop(collections: Collection[str]) -> None:
    with translate_driver_errors(), without_timeout():
        for name in collections:
            get_db().drop_collection(name, session=None)


def is_connected(app_name: str) -> bool:
    """Return whether a client with this name is connected to MongoDB.

    Without the right `inprog`, MongoDB tells of the clients of the same user only.
    """
    with translate_driver_errors():
        try:
            return _is_listed(app_name, of_all_users=True)
        except OperationFailure:
            return _is_listed(app_name, of_all_users=False)


def _is_listed(app_name: str, *, of_all_users: bool) -> bool:
    operations = {"allUsers": of_all_users, "idleConnections": True}
    pipeline = [{"$currentOp": operations}, {"$match": {"appName": app_name}}, {"$limit": 1}]
    admin = get_connection().get_database("admin", read_concern=ReadConcern())
    return any(admin.aggregate(pipeline, session=None))
