import re
from pathlib import Path

import httpx
import pytest

from agent.cli.welcome import network_urls
from agent.config import Config
from agent.hostnames import addresses
from agent.node import Node
from tests.web.daemon import daemon


def node(state: Path, host: str) -> Node:
    return Node(Config(state_dir=state, engine="echo", host=host), {})


def test_a_daemon_for_this_computer_only_names_no_others(tmp_path: Path) -> None:
    assert network_urls(node(tmp_path, "127.0.0.1"), "http://127.0.0.1:8080") == []


@pytest.mark.parametrize(("host", "versions"), [("0.0.0.0", {4}), ("::", {4, 6})])  # noqa: S104 - nothing listens
def test_a_daemon_for_all_names_the_addresses_that_others_reach(tmp_path: Path, host: str, versions: set[int]) -> None:
    urls = network_urls(node(tmp_path, host), "https://127.0.0.1:8443")
    named = {httpx.URL(url).host for url in urls if not url.endswith(".local:8443")}
    assert named == {str(address) for address in addresses() if address.version in versions}
    assert all(url.startswith("https://") and url.endswith(":8443") for url in urls)


def test_the_link_that_an_unclaimed_daemon_prints_claims_it_and_its_code_is_in_the_log(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with daemon(state, "--auth", "accounts") as running:
        assert running.process.stdout
        printed = ""
        while "enter the code" not in printed:
            printed += running.process.stdout.readline()
        found = re.search(r"(http://\S+/claim\?code=(\w{4}-\w{4}))", printed)
        assert found
        assert f'value="{found[2]}"' in httpx.get(found[1], trust_env=False).text
        assert found[2] in (state / "log").read_text()
        assert "▀" not in printed  # a QR code is for terminals


def test_an_open_daemon_prints_no_code(tmp_path: Path) -> None:
    with daemon(tmp_path / "state") as running:
        running.process.terminate()
        assert running.process.stdout
        assert "code" not in running.process.stdout.read()
