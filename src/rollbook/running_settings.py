"""The settings of how rollbook runs: its server, its log and its metrics."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from rollbook.setting_types import AppName, Hsts, PathPrefix, Secret


class ServerSettings(BaseModel):
    """Server."""

    environment: Literal["development", "production"] = Field(
        "development", description="`production` requires MONGODB_URI and a safe BCRYPT_ROUNDS"
    )
    app_name: AppName = Field(
        "rollbook", description="the name in the docs page, the OpenAPI document and the greeting"
    )
    host: str = Field("127.0.0.1", description="the address to listen on; 0.0.0.0 for all")
    port: int = Field(5000, ge=1, le=65535, description="the port to listen on")
    workers: int = Field(2, ge=1, le=64, description="processes")
    threads: int = Field(
        4,
        ge=1,
        le=64,
        description="requests that each process handles at a time; 6 more wait for password hashes",
    )
    api_prefix: PathPrefix = Field("/api", description="the path prefix of the API")
    max_body_bytes: int = Field(
        65536, ge=1024, le=16 * 2**20, description="a larger body is refused with 413"
    )
    shutdown_delay_seconds: int = Field(
        0, ge=0, le=120, description="after SIGTERM, serves on for so long while /ready is 503"
    )
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="the number of proxies in front that write X-Forwarded-For"
    )
    hsts: Hsts = Field(
        "max-age=31536000",
        description="Strict-Transport-Security of responses over TLS, as a trusted proxy reports "
        "it; max-age=0 ends it",
    )
    worker_max_requests: int = Field(
        0,
        ge=0,
        le=10**9,
        description="a process is replaced after so many requests, or up to a tenth more; 0: never",
    )


class LogSettings(BaseModel):
    """Log and metrics."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="the minimum level of the log"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="one line of text, or one JSON object, for each event"
    )
    log_client_address: bool = Field(True, description="false: the log has no client addresses")
    log_file: Path | None = Field(
        None, description="log to this file too; it may be rotated by renaming"
    )
    metrics_token: Secret | None = Field(
        None, description="reads /metrics; if unset, only this machine does, in development"
    )
