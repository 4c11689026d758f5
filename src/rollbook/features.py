"""The features, in the order in which the API document lists them."""

from rollbook.account.feature import ACCOUNT
from rollbook.audit.feature import AUDIT
from rollbook.auth.feature import AUTH
from rollbook.caching.feature import CACHING
from rollbook.idempotency.feature import IDEMPOTENCY
from rollbook.invitations.feature import INVITATIONS
from rollbook.leases.feature import LEASES
from rollbook.limits.feature import LIMITS
from rollbook.locks.feature import LOCKS
from rollbook.mail.feature import MAIL
from rollbook.metadata.feature import METADATA
from rollbook.migrations.feature import MIGRATIONS
from rollbook.one_time_tokens.feature import ONE_TIME_TOKENS
from rollbook.passwords.feature import PASSWORDS
from rollbook.permissions.feature import PERMISSIONS
from rollbook.registrations.feature import REGISTRATIONS
from rollbook.roles.feature import ROLES
from rollbook.sessions.feature import SESSIONS
from rollbook.signing.feature import SIGNING
from rollbook.tallies.feature import TALLIES
from rollbook.users.feature import USERS

FEATURES = (
    AUTH,
    ACCOUNT,
    USERS,
    INVITATIONS,
    PASSWORDS,
    METADATA,
    ROLES,
    PERMISSIONS,
    AUDIT,
    SESSIONS,
    SIGNING,
    ONE_TIME_TOKENS,
    REGISTRATIONS,
    MAIL,
    LIMITS,
    IDEMPOTENCY,
    TALLIES,
    LEASES,
    LOCKS,
    CACHING,
    MIGRATIONS,
)
