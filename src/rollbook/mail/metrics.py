"""What is counted about mail."""

from prometheus_client import Counter, Gauge

from rollbook.kit.metrics import create_counter, create_gauge, once


@once
def mail_messages() -> Counter:
    text = "Messages: sent, deferred, failed or dropped."
    return create_counter("mail_messages", text, "kind", "result")


@once
def mail_oldest_due_seconds() -> Gauge:
    text = "How long the message that waits for the longest time is overdue."
    return create_gauge("mail_oldest_due_seconds", text, mode="livemax")
