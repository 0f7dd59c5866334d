import pytest
from litestar.datastructures import Headers

from agent.errors import ForbiddenError
from web.door.host import Host
from web.door.origin import check_origin

BOX = Host("box.local", 8080)


@pytest.mark.parametrize("origin", ["http://box.local:8080", "http://BOX.local.:8080", "https://box.local:8080"])
def test_pages_of_ours_may_ask_also_behind_a_proxy_that_encrypts(origin: str) -> None:
    check_origin("POST", "http", Headers({"origin": origin}), BOX)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "file://", "http://box.local", "http://box.local:8081", "ftp://box.local:8080"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_others_may_not(method: str, origin: str) -> None:
    with pytest.raises(ForbiddenError, match="may not use this device"):
        check_origin(method, "http", Headers({"origin": origin}), BOX)


def test_an_unencrypted_page_may_not_use_an_encrypted_device() -> None:
    with pytest.raises(ForbiddenError):
        check_origin("POST", "https", Headers({"origin": "http://box.local:8080"}), BOX)


def test_of_two_origins_the_foreign_one_counts() -> None:
    headers = Headers([(b"origin", b"http://box.local:8080"), (b"origin", b"http://evil.example")])
    with pytest.raises(ForbiddenError):
        check_origin("POST", "http", headers, BOX)


def test_where_the_origin_is_missing_the_referer_tells() -> None:
    check_origin("POST", "http", Headers({"referer": "http://box.local:8080/c/1"}), BOX)
    check_origin("GET", "http", Headers({"referer": "http://dashboard.example/"}), BOX)  # somebody follows a link
    with pytest.raises(ForbiddenError) as caught:
        check_origin("POST", "http", Headers({"referer": "http://evil.example/?secret"}), BOX)
    assert "secret" not in caught.value.message


def test_a_program_says_neither() -> None:
    check_origin("POST", "http", Headers({}), BOX)
