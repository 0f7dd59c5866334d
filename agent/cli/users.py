"""`edgewise users`: list, add and remove people, and give them new passwords."""

import argparse
from collections.abc import Sequence

from agent.cli import settings
from agent.cli.accounts import with_accounts
from agent.cli.password import ask_for_password
from agent.cli.table import format_time, table
from agent.config import Config
from agent.errors import NotFoundError
from agent.security.accounts import Accounts
from agent.security.identity import ROLES
from agent.security.session_table import Session
from agent.security.user_table import User


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `users` with its sub-commands."""
    parser = subparsers.add_parser("users", help="list, add and remove people, and give them new passwords")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="show who has an account")
    settings.add(listing, "state_dir")
    listing.set_defaults(handler=list_users)

    add = commands.add_parser("add", help="add somebody; the first admin claims the device")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=ROLES, default="user", help="what they may do (default: user)")
    settings.add(add, "state_dir")
    add.set_defaults(handler=add_user)

    password = commands.add_parser("password", help="give somebody a new password and end their sessions")
    password.add_argument("name", metavar="NAME")
    settings.add(password, "state_dir")
    password.set_defaults(handler=change_password)

    remove = commands.add_parser("remove", help="delete somebody with all their conversations, keys and sessions")
    remove.add_argument("name", metavar="NAME")
    settings.add(remove, "state_dir")
    remove.set_defaults(handler=remove_user)


def list_users(args: argparse.Namespace, config: Config) -> int:  # noqa: ARG001 - every handler gets both
    """Print everybody with an account."""
    people, sessions = with_accounts(config, _people_and_sessions)
    if not people:
        print("Nobody has an account. `edgewise users add NAME --role admin` adds the first.")
        return 0
    seen = {session.user_id: session.seen for session in reversed(sessions)}  # the last used comes first in the list
    rows = [(user.name, user.role, format_time(user.created), format_time(seen.get(user.id))) for user in people]
    print(table(("NAME", "ROLE", "CREATED", "SEEN"), rows))
    return 0


def add_user(args: argparse.Namespace, config: Config) -> int:
    """Add one person; the password comes from the terminal or from standard input."""
    password = ask_for_password(args.name)
    user = with_accounts(config, lambda accounts: accounts.users.add(args.name, password, args.role))
    print(f"{user.name} was added as {user.role}.")
    return 0


def change_password(args: argparse.Namespace, config: Config) -> int:
    """Give one person a new password."""
    user = with_accounts(config, lambda accounts: _find(accounts, args.name))
    password = ask_for_password(user.name)
    with_accounts(config, lambda accounts: accounts.users.set_password(user.id, password))
    print(f"{user.name} has a new password, and has to sign in with it everywhere.")
    return 0


def remove_user(args: argparse.Namespace, config: Config) -> int:
    """Delete one person."""
    user = with_accounts(config, lambda accounts: _remove(accounts, args.name))
    print(f"{user.name} was removed.")
    return 0


async def _people_and_sessions(accounts: Accounts) -> tuple[Sequence[User], Sequence[Session]]:
    return await accounts.users.list(), await accounts.sessions.all()


async def _find(accounts: Accounts, name: str) -> User:
    user = await accounts.users.find(name)
    if user is None:
        raise NotFoundError(f"There is no user {name!r}.", hint="`edgewise users list` shows all.")
    return user


async def _remove(accounts: Accounts, name: str) -> User:
    user = await _find(accounts, name)
    await accounts.users.remove(user.id)
    return user
