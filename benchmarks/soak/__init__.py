"""The soak: hours of mixed load and faults against one daemon, and what grows meanwhile."""
