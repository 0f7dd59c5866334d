"""The other end: what a hub makes of what devices report. Pure; whoever has a connection passes messages in."""
