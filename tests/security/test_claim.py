import asyncio
import logging
import time
from pathlib import Path

import pytest

from agent.errors import ForbiddenError, InputError, StoreError, TooManyTriesError
from agent.security.accounts import Accounts
from agent.security.boot_clock import Moment, now, seconds_between
from agent.security.claim import Claim, ClaimCode
from agent.security.passwords import Passwords
from agent.store import Store

WORDS = "correct horse"


class Boot:
    """The clock of the boot; call it to read it."""

    def __init__(self) -> None:
        self.moment = Moment("first", 30.0)

    def __call__(self) -> Moment:
        return self.moment


@pytest.fixture
def boot() -> Boot:
    return Boot()


@pytest.fixture
def claim(store: Store, boot: Boot) -> Claim:
    return Claim(store, Passwords(), boot)


def new_code(claim: Claim) -> str:
    return asyncio.run(claim.renew()).text


def other_than(code: str) -> str:
    return ("1" if code[0] == "0" else "0") + code[1:]


def test_a_code_is_eight_characters_that_nobody_mistakes(claim: Claim) -> None:
    codes = {new_code(claim) for _ in range(50)}
    assert len(codes) == 50
    assert {code[4] for code in codes} == {"-"}
    assert {len(code) for code in codes} == {9}
    assert not set("ILOU") & set("".join(codes))


def test_whoever_has_the_code_becomes_the_first_admin(claim: Claim) -> None:
    assert not asyncio.run(claim.claimed())
    user = asyncio.run(claim.claim(new_code(claim), "Ada", WORDS))
    assert (user.name, user.role) == ("Ada", "admin")
    assert asyncio.run(claim.claimed())
    assert asyncio.run(claim.code()) is None


def test_a_code_may_be_typed_as_people_type(claim: Claim, store: Store) -> None:
    asyncio.run(claim.renew())
    row = '{"code":"0123A1B1","made":{"boot":"first","seconds":30.0},"tries":0}'
    asyncio.run(store.write(lambda database: database.execute("UPDATE device SET value = ?", [row])))
    assert asyncio.run(claim.claim(" oi23 alb-l", "Ada", WORDS)).name == "Ada"


def test_the_code_works_once(claim: Claim) -> None:
    code = new_code(claim)
    asyncio.run(claim.claim(code, "Ada", WORDS))
    with pytest.raises(ForbiddenError, match="claimed already"):
        asyncio.run(claim.claim(code, "Bob", WORDS))
    with pytest.raises(ForbiddenError):
        asyncio.run(claim.renew())


def test_of_many_who_claim_at_once_one_wins(claim: Claim) -> None:
    code = new_code(claim)

    async def race() -> list[object]:
        return await asyncio.gather(
            *(claim.claim(code, f"user {number}", WORDS) for number in range(5)), return_exceptions=True
        )

    results = asyncio.run(race())
    assert sum(isinstance(result, ForbiddenError) for result in results) == 4


def test_of_two_processes_that_claim_at_once_one_wins(claim: Claim, store: Store, boot: Boot, tmp_path: Path) -> None:
    second = Store(tmp_path / "app.db")
    second.open()
    code = new_code(claim)

    async def race() -> list[object]:
        claims = (claim, Claim(second, Passwords(), boot))
        return await asyncio.gather(*(each.claim(code, "Ada", WORDS) for each in claims), return_exceptions=True)

    results = asyncio.run(race())
    second.close()
    assert sum(isinstance(result, ForbiddenError | StoreError) for result in results) == 1
    assert asyncio.run(store.read(lambda database: database.table("users").count)) == 1


def test_the_fifth_wrong_code_makes_a_new_one_that_the_log_tells(
    claim: Claim, caplog: pytest.LogCaptureFixture
) -> None:
    code = new_code(claim)
    for _ in range(4):
        with pytest.raises(InputError, match="wrong"):
            asyncio.run(claim.claim(other_than(code), "Ada", WORDS))
    current = asyncio.run(claim.code())
    assert current is not None
    assert current.text == code
    with caplog.at_level(logging.WARNING), pytest.raises(InputError, match="wrong"):
        asyncio.run(claim.claim(other_than(code), "Ada", WORDS))
    with pytest.raises(InputError, match="wrong"):
        asyncio.run(claim.claim(code, "Ada", WORDS))
    current = asyncio.run(claim.code())
    assert current is not None
    assert current.text in caplog.text
    assert asyncio.run(claim.claim(current.text, "Ada", WORDS)).role == "admin"


@pytest.mark.parametrize("code", ["", "1234-567", "1234-56789", "é"])
def test_a_slip_is_no_wrong_try(claim: Claim, code: str) -> None:
    right = new_code(claim)
    for _ in range(6):
        with pytest.raises(InputError, match="8 letters") as error:
            asyncio.run(claim.claim(code, "Ada", WORDS))
        assert error.value.field == "code"
    assert asyncio.run(claim.claim(right, "Ada", WORDS)).name == "Ada"


@pytest.mark.parametrize(("name", "password", "field"), [("", WORDS, "name"), ("Ada", "short", "password")])
def test_a_name_or_password_that_cannot_be_leaves_the_code_as_it_was(
    claim: Claim, name: str, password: str, field: str
) -> None:
    code = new_code(claim)
    with pytest.raises(InputError) as error:
        asyncio.run(claim.claim(code, name, password))
    assert error.value.field == field
    assert not asyncio.run(claim.claimed())
    assert asyncio.run(claim.claim(code, "Ada", WORDS)).name == "Ada"


def test_a_code_is_valid_for_half_an_hour(claim: Claim, boot: Boot) -> None:
    made = asyncio.run(claim.renew())
    assert made.expires == pytest.approx(time.time() + 1800, abs=5)
    boot.moment = Moment("first", 30.0 + 1799)
    current = asyncio.run(claim.code())
    assert current is not None
    assert current.expires == pytest.approx(time.time() + 1, abs=1)
    boot.moment = Moment("first", 30.0 + 1800)
    assert asyncio.run(claim.code()) is None
    with pytest.raises(InputError, match="expired") as error:
        asyncio.run(claim.claim(made.text, "Ada", WORDS))
    assert "edgewise claim-code" in error.value.hint


def test_a_code_does_not_outlive_a_restart_of_the_computer(claim: Claim, boot: Boot) -> None:
    code = new_code(claim)
    boot.moment = Moment("second", 31.0)
    assert asyncio.run(claim.code()) is None
    with pytest.raises(InputError, match="expired"):
        asyncio.run(claim.claim(code, "Ada", WORDS))


def test_a_clock_that_jumps_does_not_change_a_code(claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 40.0)
    code = asyncio.run(claim.renew())
    assert code.expires == pytest.approx(1840)
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    assert asyncio.run(claim.code()) == ClaimCode(code.text, 1_800_001_800.0)


def test_the_clock_of_the_boot_goes_on() -> None:
    earlier = now()
    assert 0 <= seconds_between(earlier, now()) < 5
    assert earlier.boot


def test_guesses_of_one_address_are_slowed_down(accounts: Accounts) -> None:
    code = new_code(accounts.claim)

    async def guess() -> None:
        await accounts.claim_device(other_than(code), "Ada", WORDS, agent="", address="192.168.1.66")

    for _ in range(5):
        with pytest.raises(InputError):
            asyncio.run(guess())
    with pytest.raises(TooManyTriesError):
        asyncio.run(guess())
