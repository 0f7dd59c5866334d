"""The setup after the claim: four questions that can be put off, resumed and repeated."""

import re
from pathlib import Path

import httpx

from agent.models.names import model_name
from tests.web.daemon import Daemon, daemon, eventually
from tests.web.settings.conftest import PASSWORD, settle
from tests.web.settings.visiting import visiting, words


def test_the_setup_resumes_where_it_was_left_and_ends_where_a_broker_is_named(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada:
        ada.open("/setup")
        assert ada.path == "/setup/name"
        ada.send("/setup/name", "/setup/name", name="  Küche ", language="de")
        assert ada.path == "/setup/use"
        ada.open("/setup")
        assert ada.path == "/setup/use"
        ada.open("/setup/name")
        ada.send("/setup/use", "/setup/use", use="code", prefer="speed")
        assert ada.path == "/setup/model"
        ada.send("/setup/model", "/setup/model")
        assert ada.path == "/setup/telemetry"
        ada.send("/setup/telemetry", "/setup/telemetry", telemetry="on")
        assert ada.path == "/settings/device"
        page = ada.open("/settings/device")
        assert 'value="Küche"' in page
        assert 'value="code" checked' in page
        assert 'value="speed" checked' in page
        assert 'name="telemetry" value="on" checked' in page
        ada.open("/setup")
        assert ada.path == "/setup/name"
    assert '<html lang="de"' in httpx.get(f"{household.url}/login", trust_env=False).text
    french = {"Accept-Language": "fr-CH, fr;q=0.9"}
    assert '<html lang="fr"' in httpx.get(f"{household.url}/login", headers=french, trust_env=False).text


def test_the_setup_of_a_device_that_reports_to_nobody_ends_in_the_chat(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada:
        ada.send("/setup/telemetry", "/setup/telemetry", telemetry="off")
        assert ada.path == "/"


def test_an_empty_name_is_asked_for_again(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada:
        page = ada.send("/setup/name", "/setup/name", name=" ", language="en")
        assert ada.response.status_code == 400
        assert 'aria-invalid="true"' in page


def test_a_setting_of_the_configuration_comes_first_and_says_so(state: Path) -> None:
    settle(state)
    with daemon(state, "--auth", "accounts", "--use", "math") as running, visiting(running.url, "Ada", PASSWORD) as ada:
        page = ada.open("/settings/device")
        assert "Set by the command line; it cannot be changed here." in words(page)
        assert 'value="math" checked' in page
        ada.send("/settings/device", "/settings/device", name="Attic")
        assert 'value="math" checked' in ada.response.text
        ada.send("/setup/name", "/setup/later")
        assert ada.path == "/"
        ada.open("/setup")
        assert ada.path == "/setup/name"


def test_a_model_that_is_picked_is_fetched_and_remembered(state: Path) -> None:
    settle(state)
    with (
        daemon(state, "--auth", "accounts", "--engine", "llama_cpp", ready=False) as running,
        visiting(running.url, "Ada", PASSWORD) as ada,
    ):
        eventually(lambda: 'name="file"' in ada.open("/setup/model"), 30)
        assert 'name="file" value="" checked' in ada.response.text
        picked = re.findall(r'name="file" value="(hf:[^"]+)"', ada.response.text)[1]
        ada.send("/setup/model", "/setup/model", file=picked)
        assert f'value="{picked}" checked' in ada.open("/setup/model")
        assert (state / "chosen-model").read_text().strip() == model_name(picked.rpartition("/")[2])
        ada.send("/setup/model", "/setup/model", file="")
        assert 'name="file" value="" checked' in ada.open("/setup/model")
        ada.send("/setup/model", "/setup/model", file="hf:somebody/else/model.gguf")
        assert ada.response.status_code == 400
        assert "cannot be chosen any more" in words(ada.response.text)
