"""Continuous batching: which sequence lives where in the KV cache, and what each step computes.

Knows no engine. An engine brings a `Cache` that moves keys and values, asks a `Scheduler` where a prompt starts and
what to compute next, computes it, and reports back.
"""
