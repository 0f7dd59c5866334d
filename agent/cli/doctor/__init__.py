"""`edgewise doctor`: what is wrong, and what to do about it. One file for each kind of thing that is looked at."""

import argparse
import logging
import os
from contextlib import nullcontext

from agent.cli import settings
from agent.config import Config


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("doctor", help="find out what is wrong and what to do about it")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON")
    how.add_argument("--report", action="store_true", help="print Markdown to show to others: names nobody, no secrets")
    settings.add(
        parser, "state_dir", "host", "port", "auth", "tls", "tls_cert", "tls_key", "model", "engine", "context",
        "parallel", "threads", "offline", "onnx_ep_libraries",
    )  # fmt: skip
    parser.set_defaults(handler=doctor)


def doctor(options: argparse.Namespace, config: Config) -> int:
    """Look at everything that can be wrong; 1 if something is."""
    from agent.cli.bundle.owning import owned
    from agent.cli.doctor.examination import Case, examine
    from agent.cli.doctor.shown import as_json, as_report, as_text

    logging.getLogger().addHandler(logging.NullHandler())  # what modules complain about, the findings say
    show = as_json if options.json else as_report if options.report else as_text
    with (
        nullcontext() if os.geteuid() else owned(config.state_dir)
    ):  # what a self-test writes is the daemon's, not root's
        return 1 if show(examine(Case.of(config, options.resolved.origins))) else 0
