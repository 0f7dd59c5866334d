import openai
import pytest

from tests.web.daemon import Daemon


def test_the_list_has_the_model_that_runs_and_what_it_can(echo: Daemon) -> None:
    listed = echo.http.get("/v1/models").json()
    assert listed["object"] == "list"
    (model,) = listed["data"]
    assert (model["id"], model["object"], model["owned_by"]) == ("echo", "model", "edgewise")
    assert model["meta"]["context_length"] == 4096
    assert model["meta"]["parallel"] == 4
    assert model["meta"]["architecture"] == "echo"


@pytest.mark.parametrize("name", ["echo", "org/other", "org%2Fother", "default"])
def test_a_model_is_found_by_every_name_it_answers_to(echo: Daemon, name: str) -> None:
    assert echo.http.get(f"/v1/models/{name}").json()["id"] == "echo"


def test_an_unknown_model_is_not_found(echo: Daemon) -> None:
    reply = echo.http.get("/v1/models/gpt-4o")
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "model_not_found"


def test_the_openai_client_lists_and_retrieves(echo: Daemon) -> None:
    with echo.openai() as client:
        assert [model.id for model in client.models.list()] == ["echo"]
        assert client.models.retrieve("org/other").created > 0
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("nothing")
