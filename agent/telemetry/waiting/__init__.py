"""History that waits for the broker: in memory for a minute, then in outbox.db. All of it runs in one thread."""
