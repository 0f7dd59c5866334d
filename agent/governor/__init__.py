"""Keeps the device from getting too hot, from a power supply that gives way, and from running out of memory.

The kernel and the firmware do that too, but late and hard: they halve the clock, or kill a process. The policies here
are pure: they are told what was seen and when, and say what to do. `governor.py` looks, asks them, and does it.
"""
