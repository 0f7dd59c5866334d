"""The chat UI: how fast its pages come, what it costs the daemon and the browser, and what it weighs."""
