"""What the owner sees of storage, and the backup that a browser saves."""

import asyncio
import io
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from agent.upkeep import restoring
from agent.upkeep.backups import Backups
from tests.upkeep.databases import fill, messages, tear
from tests.web.door.house import PASSWORD, House, house

BACKUP = "/device/backup"


def visit(state: Path, scenario: Callable[[House], Awaitable[bytes]], **settings: object) -> bytes:
    """Return what a scenario on a device brings."""

    async def life() -> bytes:
        async with house(state, **settings) as device:
            return await scenario(device)

    return asyncio.run(life())


def names(content: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        return set(opened.getnames())


def test_an_admin_saves_a_backup_that_can_be_restored(tmp_path: Path) -> None:
    async def scenario(device: House) -> bytes:
        admin = await device.person("ann", "admin")
        reply = await device.ask("POST", BACKUP, admin, data={"csrf": admin.headers["x-csrf-token"]})
        assert reply.status_code == 200
        assert "attachment" in reply.headers["content-disposition"]
        assert list((tmp_path / "state" / "backups").iterdir()) == []
        return reply.content

    file = tmp_path / "saved.tar.gz"
    file.write_bytes(visit(tmp_path / "state", scenario))
    manifest = restoring.restore(tmp_path / "new", file)
    assert not manifest.secrets


def test_secrets_are_sent_only_to_who_knows_the_password(tmp_path: Path) -> None:
    async def scenario(device: House) -> bytes:
        (tmp_path / "mqtt.password").write_text("swordfish")
        admin = await device.person("ann", "admin")
        form = {"csrf": admin.headers["x-csrf-token"], "secrets": "yes"}
        assert "mqtt.password" not in names(
            (await device.ask("POST", BACKUP, admin, data={"csrf": form["csrf"]})).content
        )
        refused = await device.ask("POST", BACKUP, admin, data={**form, "password": "wrong"})
        assert refused.status_code == 401 or refused.is_redirect
        reply = await device.ask("POST", BACKUP, admin, data={**form, "password": PASSWORD})
        return reply.content

    assert "mqtt.password" in names(visit(tmp_path, scenario))


def test_only_admins_get_a_backup(tmp_path: Path) -> None:
    async def scenario(device: House) -> bytes:
        await device.person("ann", "admin")
        user = await device.person("bob", "user")
        reply = await device.ask("POST", BACKUP, user, data={"csrf": user.headers["x-csrf-token"]})
        assert reply.status_code == 403
        return reply.content

    visit(tmp_path, scenario)


def test_where_nobody_signs_in_no_secrets_are_sent(tmp_path: Path) -> None:
    async def scenario(device: House) -> bytes:
        page = await device.ask("GET", "/device")
        token = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        reply = await device.ask("POST", BACKUP, data={"csrf": token, "secrets": "yes"})
        assert reply.status_code == 400
        return reply.content

    visit(tmp_path, scenario, auth="open")


def test_the_owner_reads_what_was_lost_until_they_say_so(tmp_path: Path) -> None:
    path = fill(tmp_path)
    Backups(path).make()
    tear(path, at=0, bytes_=b"x" * 100)

    async def scenario(device: House) -> bytes:
        assert [happened.event for happened in device.node.upkeep.news.all()] == ["app_db_replaced"]
        assert [happened.event for happened in device.node.reading().news] == ["app_db_replaced"]
        admin = await device.person("bea", "admin")
        page = await device.ask("GET", "/device", admin)
        assert "The database was broken and was replaced" in page.text
        assert device.node.upkeep.recovered is not None
        assert device.node.upkeep.recovered.aside in page.text
        await device.ask("POST", "/device/recovered", admin, data={"csrf": admin.headers["x-csrf-token"]})
        return (await device.ask("GET", "/device", admin)).content

    after = visit(tmp_path, scenario)
    assert b"The database was broken" not in after
    assert len(messages(path)) == 60


def test_a_device_that_has_lost_its_owner_stays_locked_and_says_why(tmp_path: Path) -> None:
    fill(tmp_path).write_bytes(bytes(40960))

    async def scenario(device: House) -> bytes:
        assert not await device.node.security.claim.claimed()
        code = await device.node.security.claim.code()
        assert code is not None
        page = await device.ask("GET", "/claim")
        assert code.text not in page.text
        wrong = await device.ask("POST", "/claim", data={"code": "AAAA-AAAA", "name": "eve", "password": "long enough"})
        assert wrong.status_code == 400
        return page.content

    assert b"could not be saved; it has no owner now" in visit(tmp_path, scenario)
