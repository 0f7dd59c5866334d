"""How `edgewise doctor` shows what it has found, and what it keeps to itself."""

import ast
import re
import socket
from pathlib import Path

import msgspec
import pytest

from agent.cli.doctor.strangers import for_strangers
from tests.cli.running import edgewise
from tests.test_docs import anchors

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"
SECRETS = (
    "hunter2hunter2", "ada-the-owner", "broker-of-ada.example.org", "192.168.77.13", "esk_0123456789abcdef",
    "fe80::1ff:fe23:4567:890a", "ada@example.org", "kitchen-of-ada",
)  # fmt: skip


def codes() -> set[str]:
    """Return the first argument of each `warn` and `bad` in the package: where the page explains it."""
    found = set()
    for path in (ROOT / "agent" / "cli" / "doctor").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"warn", "bad"}
            if called and isinstance(node, ast.Call):
                first = node.args[0]
                assert isinstance(first, ast.Constant), ast.unparse(node)
                found.add(str(first.value))
    return found


def test_each_finding_is_explained_and_nothing_else_is() -> None:
    assert len(codes()) > 20
    headings = set(re.findall(r"^### (\S+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert headings == codes()
    assert codes() <= anchors(PAGE)


def test_json_has_every_finding_with_level_and_place(tmp_path: Path, measured: list[str]) -> None:
    done = edgewise(tmp_path, "doctor", "--json", "--port", "0", "--auth", "open", *measured)
    said = msgspec.json.decode(done.stdout)
    assert done.returncode == 0
    assert said["bad"] == 0
    opened = next(each for each in said["findings"] if each["see"] == "open-door")
    assert (opened["part"], opened["level"]) == ("Door", "warn")
    assert opened["advice"]


def test_the_report_names_nobody(tmp_path: Path, state: Path) -> None:
    url = "mqtts://ada-the-owner:hunter2hunter2@broker-of-ada.example.org:1"
    config = tmp_path / "ada-the-owner" / "config.toml"
    config.parent.mkdir()
    config.write_text(f'mqtt_url = "{url}"\nmqtt_ca = "/home/ada-the-owner/esk_0123456789abcdef.pem"\n')
    port = str(_taken())
    flags = ("--config", str(config), "doctor", "--report", "--state-dir", str(state), "--port", port)
    done = edgewise(tmp_path, *flags)
    assert done.stdout.startswith("# Edgewise doctor\n")
    assert "`broker`" in done.stdout
    hidden = (*SECRETS, socket.gethostname(), str(tmp_path), str(state))
    assert not [text for text in hidden if text in done.stdout + done.stderr]


def _taken() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("secret", SECRETS[:1] + SECRETS[2:7])
def test_what_others_say_is_cleaned_of_secrets_and_addresses(secret: str) -> None:
    texts = (
        "refused: password=hunter2hunter2",
        "mqtt://name:hunter2hunter2@broker-of-ada.example.org:1883/x is no broker",
        "Nobody listens at 192.168.77.13:1883.",
        "the key esk_0123456789abcdef is unknown",
        "[fe80::1ff:fe23:4567:890a]:1883 and fe80::1ff:fe23:4567:890a answer nothing",
        "a certificate of ada@example.org",
    )
    joined = " ".join(texts)
    assert secret in joined
    assert secret not in for_strangers(joined)


@pytest.mark.parametrize(
    "text",
    ["Linux 6.12.20-v8, aarch64", "llama_cpp 0.3.36", "Qwen3.5 2B Q5_K_M", "1.3 GiB free", "4 x Cortex-A76 at 2.4 GHz"],
)
def test_what_a_helper_needs_stays(text: str) -> None:
    assert for_strangers(text) == text


def test_the_text_names_the_page_that_explains(tmp_path: Path, measured: list[str]) -> None:
    done = edgewise(tmp_path, "doctor", "--port", "0", "--auth", "open", *measured)
    assert "docs/troubleshooting.md#open-door" in done.stdout
