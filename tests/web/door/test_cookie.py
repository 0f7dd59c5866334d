import pytest
from litestar.datastructures import Headers

from web.door.cookie import SessionCookie

OURS = SessionCookie("0123456789abcdef")


def test_two_devices_on_one_host_do_not_share_a_cookie() -> None:
    assert OURS.name != SessionCookie("fedcba9876543210").name


@pytest.mark.parametrize(
    "line", [f"{OURS.name}=secret", f"a=b; {OURS.name}=secret;c", f"x{OURS.name}=no; {OURS.name}=secret"]
)
def test_our_cookie_is_found_among_others(line: str) -> None:
    assert OURS.read(Headers({"cookie": line})) == "secret"


@pytest.mark.parametrize("line", ["", "a=b", f"{OURS.name}=one; {OURS.name}=two", f"{OURS.name}=one; {OURS.name}=one"])
def test_two_of_our_name_are_none(line: str) -> None:
    assert OURS.read(Headers({"cookie": line})) == ""


def test_no_script_and_no_other_host_gets_the_cookie() -> None:
    header = OURS.give("secret", encrypted=True).to_header(header="")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(header.strip().split("; "))
    assert "Domain" not in header
    assert "Secure" not in OURS.give("secret", encrypted=False).to_header()
