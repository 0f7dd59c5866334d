"""Sparkplug B 3.0: the device as an edge node, over a connection of its own, for plants that speak it.

History is not replayed here: an outage shows as a death and a birth, and what was measured in between goes to the
topics of the device only. There is one broker, so no primary host application is waited for.
"""
