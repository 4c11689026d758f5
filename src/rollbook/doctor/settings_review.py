"""What the settings say about an installation."""

from collections.abc import Iterator

from rollbook.doctor.findings import Finding, ok, warn
from rollbook.settings import LOOPBACK, MIN_PRODUCTION_ROUNDS, Settings

THREADS_PER_CORE = 16
"""More threads wait for each other (docs/decisions/019-what-makes-it-fast.md)."""


def review(settings: Settings, *, cores: int) -> Iterator[Finding]:
    """Review valid settings for a machine with `cores`."""
    yield _review_environment(settings)
    yield _review_access(settings)
    yield _review_passwords(settings)
    yield _review_limits(settings)
    yield _review_processes(settings, cores)
    yield _review_proxies(settings)


def _review_environment(settings: Settings) -> Finding:
    if settings.environment == "production":
        return ok("environment", "ENVIRONMENT=production.")
    return warn(
        "environment",
        "ENVIRONMENT=development: a start migrates by itself, and weak settings pass.",
        "Set ENVIRONMENT=production where users are real.",
    )


def _review_access(settings: Settings) -> Finding:
    if settings.auth_required:
        return ok("access", f"Every caller must sign in; registration is {settings.registration}.")
    return warn(
        "access",
        "AUTH_REQUIRED=false: every caller may do everything.",
        "Set AUTH_REQUIRED=true, unless a gateway in front decides who may call.",
    )


def _review_passwords(settings: Settings) -> Finding:
    rounds, policy = settings.bcrypt_rounds, settings.password_policy
    if rounds < MIN_PRODUCTION_ROUNDS:
        cure = f"Set it to at least {MIN_PRODUCTION_ROUNDS}; the next sign-in renews each hash."
        return warn("passwords", f"BCRYPT_ROUNDS={rounds}: hashes are quick to crack.", cure)
    if policy == "basic":
        message = "PASSWORD_POLICY=basic: passwords that are easy to guess are accepted."
        return warn("passwords", message, "Set PASSWORD_POLICY=standard.")
    return ok("passwords", f"BCRYPT_ROUNDS={rounds}, PASSWORD_POLICY={policy}.")


def _review_limits(settings: Settings) -> Finding:
    if not settings.ratelimit_enabled:
        message = "RATELIMIT_ENABLED=false: passwords may be guessed without end."
        return warn("limits", message, "Set RATELIMIT_ENABLED=true.")
    if settings.redis_url is None and settings.workers > 1:
        message = f"Each of {settings.workers} workers counts requests for itself."
        return warn("limits", message, "Set REDIS_URL, and all workers count together.")
    return ok("limits", "Requests, sign-ins and registrations are limited.")


def _review_processes(settings: Settings, cores: int) -> Finding:
    workers, threads = settings.workers, settings.threads
    text = f"{workers} workers with {threads} threads on {cores} cores."
    if workers > 2 * cores or threads > THREADS_PER_CORE:
        cure = f"Set WORKERS to {cores} and THREADS to 4: more of them wait for each other."
        return warn("processes", text, cure)
    if workers < cores:
        return warn("processes", text, f"Set WORKERS={cores} to use all cores.")
    return ok("processes", text)


def _review_proxies(settings: Settings) -> Finding:
    address = f"{settings.host}:{settings.port}"
    if settings.trusted_proxies:
        return ok("proxies", f"{settings.trusted_proxies} in front of {address} are trusted.")
    if settings.host in LOOPBACK:
        return ok("proxies", f"None is trusted; {address} is for this machine only.")
    return warn(
        "proxies",
        f"None is trusted, and {address} speaks plain HTTP.",
        "Put a proxy with TLS in front, and set TRUSTED_PROXIES=1.",
    )
