import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import ServiceInfo

from agent.discovery import SERVICE
from agent.discovery.facts import Facts, cut, facts
from agent.state import VERSION
from tests.discovery.network import device
from tests.web.door.house import house

LONGEST = device(
    id="f" * 16,
    known_as="k" * 60,
    name="客厅的树莓派" * 10,
    version="10.20.30.dev40+local",
    hardware="nvidia-jetson-agx-orin-developer-kit-64gb",
    model="some-family-of-models-a3b-instruct-2607-with-a-long-name-" * 2,
    claimed=True,
    fingerprint="AB:" * 31 + "CD",
)


def record(ours: Facts) -> bytes:
    return ServiceInfo(SERVICE, f"{ours.instance}.{SERVICE}", properties=ours.text()).text


def test_a_device_says_who_it_is_and_what_it_serves() -> None:
    ours = device(id="7f3a9c0123456789", known_as="rpi-1", name="Kitchen Pi", model="qwen3", fingerprint="AB:CD:EF")
    assert ours.instance == "Kitchen Pi (7f3a9c)"
    assert ours.unique_host == "edgewise-7f3a9c0123456789.local"
    assert ours.text() == {
        "txtvers": "1",
        "id": "rpi-1",
        "ver": "1.2.3",
        "name": "Kitchen Pi",
        "model": "qwen3",
        "api": "/v1",
        "claimed": "0",
        "tls": "1",
        "fp": "abcdef",
        "path": "/",
    }


def test_what_a_new_device_tells_is_asked_of_the_node(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path, mqtt_id="kitchen-1") as kitchen:
            await kitchen.node.settings.change(name="Küche")
            told = await facts(kitchen.node)
            assert told == Facts(kitchen.node.id, "kitchen-1", "Küche", VERSION)
            await kitchen.person("Ada", "admin")
            assert (await facts(kitchen.node)).claimed

    asyncio.run(run())


def test_a_device_that_is_open_to_all_invites_nobody_to_claim_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path, auth="open") as lab:
            assert (await facts(lab.node)).claimed

    asyncio.run(run())


def test_the_record_comes_first_with_its_version_and_is_smaller_than_400_bytes() -> None:
    text = record(LONGEST)
    assert text.startswith(b"\x09txtvers=1")
    assert 300 < len(text) < 400
    assert all(len(f"{key}={value}".encode()) <= 230 for key, value in LONGEST.text().items())


def test_a_long_name_leaves_room_for_a_number_in_its_label() -> None:
    assert len(f"{LONGEST.instance}-2".encode()) <= 63
    assert LONGEST.instance.startswith("客厅")
    assert LONGEST.instance.endswith("(ffffff)")


@given(st.text(min_size=1, max_size=40).filter(str.isprintable))
def test_whatever_the_name_it_is_one_label(name: str) -> None:
    ours = device(name=name)
    assert len(ours.instance.encode()) <= 60
    assert "." not in ours.instance
    assert len(record(ours)) < 400


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("Küche 2", ["kuche-2.local", "kuche-2-2.local", "kuche-2-3.local"]),
        ("厨房", ["edgewise.local", "edgewise-2.local", "edgewise-3.local"]),
    ],
)
def test_people_get_a_host_name_that_they_can_type(name: str, hosts: list[str]) -> None:
    assert device(name=name).hosts()[:3] == hosts


@pytest.mark.parametrize(("most", "kept"), [(7, "厨房"), (6, "厨房"), (5, "厨"), (2, "")])
def test_a_text_is_cut_between_letters(most: int, kept: str) -> None:
    assert cut("厨房x" if most == 6 else "厨房 x", most) == kept
