"""`edgewise keys`: create, list and revoke API keys."""

import argparse
import sys
from collections.abc import Sequence

from agent.cli import settings
from agent.cli.accounts import with_accounts
from agent.cli.table import format_time, table
from agent.config import Config
from agent.security.accounts import Accounts
from agent.security.identity import SCOPES
from agent.security.key_table import ApiKey
from agent.security.local_key import LOCAL
from agent.security.user_table import User


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `keys` with its sub-commands."""
    parser = subparsers.add_parser("keys", help="create, list and revoke API keys")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    create = commands.add_parser("create", help="make a key; it is shown once")
    create.add_argument("name", metavar="NAME", help="what it is for, such as home-assistant")
    create.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        help="what it may do, more than once for more: chat (the default), models, admin (everything)",
    )
    settings.add(create, "state_dir")
    create.set_defaults(handler=create_key)

    listing = commands.add_parser("list", help="show all keys, but not their secrets")
    settings.add(listing, "state_dir")
    listing.set_defaults(handler=list_keys)

    revoke = commands.add_parser("revoke", help="delete a key; it is refused from the next request on")
    revoke.add_argument("key", metavar="NAME|ID", help="its id, its name or the beginning of its name")
    settings.add(revoke, "state_dir")
    revoke.set_defaults(handler=revoke_key)


def create_key(args: argparse.Namespace, config: Config) -> int:
    """Print a new key, and nothing but it on standard output, for scripts."""
    key, secret = with_accounts(config, lambda accounts: accounts.keys.create(args.name, args.scope or ["chat"]))
    what = ", ".join(key.scopes)
    print(f"The key {key.name} may do: {what}. Keep it now; it is not shown again.", file=sys.stderr)
    print(secret)
    return 0


def list_keys(args: argparse.Namespace, config: Config) -> int:  # noqa: ARG001 - every handler gets both
    """Print all keys."""
    keys, people = with_accounts(config, _keys_and_people)
    if not keys:
        print("There is no key. `edgewise keys create NAME` makes one.")
        return 0
    names = {user.id: user.name for user in people}
    rows = [
        (
            key.name,
            key.id,
            f"esk_...{key.ending}",
            ",".join(key.scopes),
            names.get(key.user_id or "", "-"),
            format_time(key.created),
            format_time(key.used),
        )
        for key in keys
    ]
    print(table(("NAME", "ID", "KEY", "SCOPES", "OWNER", "CREATED", "USED"), rows))
    return 0


def revoke_key(args: argparse.Namespace, config: Config) -> int:
    """Delete one key."""
    key = with_accounts(config, lambda accounts: _revoke(accounts, args.key))
    print(f"{key.name} was revoked.")
    return 0


async def _keys_and_people(accounts: Accounts) -> tuple[Sequence[ApiKey], Sequence[User]]:
    return await accounts.keys.all(), await accounts.users.list()


async def _revoke(accounts: Accounts, wanted: str) -> ApiKey:
    key = await accounts.keys.find(wanted)
    await accounts.keys.revoke(key.id, by=LOCAL)
    return key
