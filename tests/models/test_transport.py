import asyncio
import datetime as dt
import email.utils
from collections.abc import Callable

import httpx
import pytest

from agent.errors import DownloadError, EdgewiseError, ModelNotFoundError
from agent.models import transport
from agent.models.progress import Meter
from agent.models.retry import Setback
from agent.models.transport import Http, check_status
from tests.models.pulling import QUICK

Handler = Callable[[httpx.Request], httpx.Response]


def get(handler: Handler, url: str = "https://hub.example/start", token: str | None = None) -> bytes:
    async def scenario() -> bytes:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            return (await Http(client, QUICK, Meter()).get(url, what="thing", token=token)).body

    return asyncio.run(scenario())


def response(status: int, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, headers=headers, request=httpx.Request("GET", "https://hub.example/file"))


def test_who_asks_nobody_reads_no_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "authorities", lambda: pytest.fail("they are read"))

    async def scenario() -> None:
        async with transport.open_client(QUICK, remote=False) as client:
            assert client.headers["User-Agent"] == "edgewise"

    asyncio.run(scenario())


@pytest.mark.parametrize("target", ["http://hub.example/file", "ftp://hub.example/file", "file:///etc/passwd"])
def test_refuses_redirects_to_where_nothing_is_protected(target: str) -> None:
    with pytest.raises(DownloadError, match="not safe"):
        get(lambda _: httpx.Response(302, headers={"Location": target}))


def test_gives_up_after_ten_redirects() -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(302, headers={"Location": "/again"})

    with pytest.raises(DownloadError, match="more than 10 times"):
        get(handler)
    assert len(requests) == 11


@pytest.mark.parametrize(
    "other", ["https://cdn.example/x", "https://hub.example:8443/x", "https://hub.example.evil.example/x"]
)
def test_the_token_goes_to_its_own_host_only_even_when_that_redirects_back(other: str) -> None:
    seen: list[tuple[str, str | None]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), request.headers.get("Authorization")))
        steps = {"/start": "/moved", "/moved": other, "/x": "https://hub.example/end"}
        following = steps.get(request.url.path)
        return httpx.Response(302, headers={"Location": following}) if following else httpx.Response(200)

    get(handler, token="secret")  # noqa: S106 - what the test looks for
    assert seen == [
        ("https://hub.example/start", "Bearer secret"),
        ("https://hub.example/moved", "Bearer secret"),
        (other, None),
        ("https://hub.example/end", None),
    ]


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_missing_is_not_found(status: int) -> None:
    with pytest.raises(ModelNotFoundError, match=r"hub\.example has no b\.gguf"):
        check_status(response(status), "b.gguf", has_token=False)


def test_a_hidden_repository_counts_as_not_found() -> None:
    with pytest.raises(ModelNotFoundError):
        check_status(response(401, {"X-Error-Code": "RepoNotFound"}), "b", has_token=False)


@pytest.mark.parametrize(("has_token", "advice"), [(False, "set HF_TOKEN"), (True, "not valid")])
def test_a_refusal_says_what_to_do_about_the_token(*, has_token: bool, advice: str) -> None:
    with pytest.raises(DownloadError) as caught:
        check_status(response(403), "b.gguf", has_token=has_token)
    assert advice in caught.value.hint


def test_an_unknown_status_is_told_and_not_tried_again() -> None:
    with pytest.raises(EdgewiseError, match="answered 418"):
        check_status(response(418), "b.gguf", has_token=False)


def test_retry_after_may_be_seconds_or_a_date() -> None:
    assert check_status(response(429, {"Retry-After": "7"}), "b", has_token=False) == Setback(
        "hub.example answered 429 Too Many Requests", retry_after=7.0
    )
    date = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60), usegmt=True)
    setback = check_status(response(503, {"Retry-After": date}), "b", has_token=False)
    assert setback is not None
    assert setback.retry_after == pytest.approx(60, abs=2)


def test_an_unreadable_retry_after_counts_as_none() -> None:
    setback = check_status(response(503, {"Retry-After": "soon"}), "b", has_token=False)
    assert setback == Setback("hub.example answered 503 Service Unavailable")


def test_a_busy_host_is_asked_again() -> None:
    answers = [httpx.Response(503), httpx.Response(429, headers={"Retry-After": "0"}), httpx.Response(200, text="ok")]
    assert get(lambda _: answers.pop(0)) == b"ok"


def test_a_host_that_asks_for_more_patience_than_there_is_ends_the_attempt() -> None:
    with pytest.raises(DownloadError, match=r"next attempt is 16 min 40 s away"):
        get(lambda _: httpx.Response(429, headers={"Retry-After": "1000"}))


def test_without_a_network_the_way_with_a_usb_stick_is_shown_at_once() -> None:
    def unplugged(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Name or service not known", request=request)

    with pytest.raises(DownloadError, match=r"hub\.example cannot be reached") as caught:
        get(unplugged)
    assert "edgewise models pull /media/usb/" in caught.value.hint
