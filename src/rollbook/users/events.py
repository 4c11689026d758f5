"""Events of users, for the features above: they handle them in the same transaction."""

from dataclasses import dataclass

from bson import ObjectId


@dataclass(frozen=True)
class UserDeleted:
    """The user can be restored for a while. Their sessions have ended."""

    user_id: ObjectId


@dataclass(frozen=True)
class UserPurged:
    """The user is deleted permanently. Delete all data that holds their id."""

    user_id: ObjectId
