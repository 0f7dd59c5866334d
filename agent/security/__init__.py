"""Who may do what: the claim of a new device, users, sessions and API keys."""
