"""`edgewise fleet`: watch the devices that report to a broker, and send them commands."""

import argparse

from agent.cli.fleet import commanding, watching


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `fleet` with its sub-commands."""
    parser = subparsers.add_parser("fleet", help="watch the devices on an MQTT broker, or send them commands")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    watching.add_parser(commands)
    commanding.add_parser(commands)
