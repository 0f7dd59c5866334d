"""`edgewise claim-code`: the code by which this device gets its owner."""

import argparse
import math
import time

from agent.cli import settings
from agent.cli.accounts import with_accounts
from agent.config import Config
from agent.security.accounts import Accounts
from agent.security.claim import ClaimCode


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `claim-code`."""
    parser = subparsers.add_parser("claim-code", help="show the code by which this device gets its owner")
    settings.add(parser, "state_dir")
    parser.set_defaults(handler=claim_code)


def claim_code(args: argparse.Namespace, config: Config) -> int:  # noqa: ARG001 - every handler gets both
    """Print the code that is valid now, a new one if there is none; 1 when the device is claimed already."""
    code = with_accounts(config, _current)
    if code is None:
        print("This device is claimed already. For a forgotten password: `edgewise users password NAME`.")
        return 1
    minutes = math.ceil((code.expires - time.time()) / 60)
    until = time.strftime("%H:%M", time.localtime(code.expires))
    print(f"{code.text} is valid for {minutes} min, until {until}.")
    print("Open the page of this device in a browser, and enter it there.")
    return 0


async def _current(accounts: Accounts) -> ClaimCode | None:
    if await accounts.claim.claimed():
        return None
    return await accounts.claim.code() or await accounts.claim.renew()
