"""Storage for admins: a backup to save elsewhere, and what was done with a broken app.db."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.response import Stream

from agent.errors import InputError
from agent.node import Node
from agent.phrase import Phrase
from web.page import Form, PageRequest
from web.person import go_to, person

_CHUNK = 1 << 18


@post("/device/backup", access="admin", status_code=200)
async def save_backup(request: PageRequest, node: NamedDependency[Node], data: Form) -> Stream:
    """Send a backup; with secrets only to who knows the own password once more."""
    from agent.upkeep import archive  # noqa: PLC0415 - tarfile: most daemons never need it

    with_secrets = data.get("secrets") == "yes"
    if with_secrets:
        await _require_password(request, node, data.get("password", ""))
    folder = node.config.state_dir / "backups"
    await asyncio.to_thread(folder.mkdir, 0o700, exist_ok=True)
    file = folder / f"download-{secrets.token_hex(6)}.tar.gz"
    await asyncio.to_thread(archive.write, node.config.state_dir, node.models, file, secrets=with_secrets)
    name = time.strftime("edgewise-%Y-%m-%d.tar.gz")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(file.stat().st_size),
        "Cache-Control": "no-store",
    }
    return Stream(_sent(file), media_type="application/gzip", headers=headers)


@post("/device/recovered", access="admin")
async def acknowledge(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Note that the owner has read what was done with a broken app.db."""
    await asyncio.to_thread(node.upkeep.acknowledge)
    return go_to(request, "/device#storage")


async def _require_password(request: PageRequest, node: Node, password: str) -> None:
    if node.config.auth == "open":
        raise InputError(
            Phrase("errors.secrets_in_open_mode", "Secrets are not given out where nobody has to sign in."),
            field="secrets",
        )
    address = request.client.host if request.client else ""
    await node.security.check_password(person(request).name, password, address=address)


def _sent(path: Path) -> Iterator[bytes]:
    """Yield a file that nobody needs any more; its name is gone at once, its content with the last reader."""
    with path.open("rb") as file:
        path.unlink()
        while chunk := file.read(_CHUNK):
            yield chunk


ROUTES: list[Any] = [save_backup, acknowledge]
