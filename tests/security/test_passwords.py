import asyncio
import time

import pytest

from agent.errors import InputError, TooManyTriesError
from agent.security.passwords import UNUSABLE, Passwords, hash_password, verify_password

WORDS = "correct horse"


@pytest.fixture(autouse=True)
def as_they_are_meant(password_cost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.security.passwords._LOG_N", password_cost)


def test_a_password_matches_its_hash_and_no_other() -> None:
    stored = hash_password(WORDS)
    assert verify_password(WORDS, stored)
    assert not verify_password(WORDS + " ", stored)
    assert not verify_password("", stored)


def test_the_same_password_is_kept_differently_each_time_and_says_how_it_was_hashed() -> None:
    first, second = hash_password(WORDS), hash_password(WORDS)
    assert first != second
    assert first.startswith("$scrypt$ln=15,r=8,p=1$")
    assert WORDS not in first


def test_a_hash_with_other_parameters_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("agent.security.passwords._LOG_N", 10)
        stored = hash_password(WORDS)
    assert verify_password(WORDS, stored)


def test_both_unicode_forms_of_a_password_are_the_same() -> None:
    assert verify_password("Zoe\u0308 und Jose\u0301", hash_password("Zo\u00eb und Jos\u00e9"))


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1025, "é" * 513], ids=["none", "short", "long", "bytes"])
def test_a_password_that_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(InputError) as refused:
        hash_password(password)
    assert refused.value.field == "password"


def test_the_shortest_and_the_longest_password_are_fine() -> None:
    for password in ("éééééééé", "x" * 1024):
        assert verify_password(password, hash_password(password))


def test_half_a_character_is_a_wrong_password_and_no_crash() -> None:
    assert not verify_password("\udcff12345678", hash_password(WORDS))


@pytest.mark.parametrize("stored", [UNUSABLE, "password", "$scrypt$ln=15,r=8,p=1$AAAA"])
def test_nothing_matches_what_is_no_hash_and_it_takes_as_long(stored: str) -> None:
    began = time.thread_time()
    assert not verify_password(WORDS, stored)
    without = time.thread_time() - began
    began = time.thread_time()
    hash_password(WORDS)
    assert without > (time.thread_time() - began) / 3


def test_a_flood_is_refused_and_what_was_admitted_is_served() -> None:
    async def flood() -> list[bool | BaseException]:
        passwords = Passwords()
        stored = hash_password(WORDS)
        tries = (passwords.verify(WORDS, stored) for _ in range(30))
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert await passwords.verify(WORDS, stored), "there is room again"
        return results

    results = asyncio.run(flood())
    assert results.count(True) == 8
    refused = [result for result in results if isinstance(result, TooManyTriesError)]
    assert len(refused) == 22
    assert refused[0].retry_after > 0


def test_those_who_give_up_make_room_only_when_their_turn_is_over() -> None:
    async def give_up() -> None:
        passwords = Passwords()
        stored = hash_password(WORDS)
        tries = [asyncio.create_task(passwords.verify(WORDS, stored)) for _ in range(8)]
        await asyncio.sleep(0)
        tries[0].cancel()
        with pytest.raises(TooManyTriesError):
            await passwords.verify(WORDS, stored)
        assert await asyncio.gather(*tries[1:]) == [True] * 7
        assert await passwords.verify(WORDS, stored)

    asyncio.run(give_up())


def test_the_event_loop_goes_on_while_passwords_are_hashed() -> None:
    async def beat() -> int:
        work = asyncio.create_task(Passwords().hash(WORDS))
        beats = 0
        while not work.done():
            await asyncio.sleep(0.001)
            beats += 1
        return beats

    assert asyncio.run(beat()) > 5
