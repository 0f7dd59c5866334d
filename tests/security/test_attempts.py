import pytest

from agent.errors import TooManyTriesError
from agent.security.attempts import Attempts
from tests.security.clock import Clock

HOME, OTHER = "192.168.1.20", "192.168.1.66"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    return Attempts(clock)


def refused_for(attempts: Attempts, address: str, account: str) -> int:
    """Return how many seconds whoever tries has to wait; 0 when the try is admitted."""
    try:
        attempts.admit(address, account)
    except TooManyTriesError as error:
        return error.retry_after
    return 0


def test_five_tries_are_free_and_then_the_wait_doubles(attempts: Attempts, clock: Clock) -> None:
    for _ in range(5):
        attempts.admit(HOME, "ada")
    waits = []
    for _ in range(10):
        waits.append(refused_for(attempts, HOME, "ada"))
        clock.pass_time(waits[-1])
        attempts.admit(HOME, "ada")
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]


def test_a_try_during_the_wait_does_not_make_it_longer(attempts: Attempts, clock: Clock) -> None:
    for _ in range(5):
        attempts.admit(HOME, "ada")
    for _ in range(4):
        assert refused_for(attempts, HOME, "ada")
        clock.pass_time(1)
    assert refused_for(attempts, HOME, "ada") == 1


def test_a_right_password_gives_five_free_tries_again(attempts: Attempts) -> None:
    for _ in range(20):
        attempts.admit(HOME, "ada")
        attempts.forget(HOME, "ada")
    for _ in range(5):
        attempts.admit(HOME, "ADA ")
    assert refused_for(attempts, HOME, "Ada")


def test_who_has_an_account_cannot_guess_at_another_in_between(attempts: Attempts) -> None:
    for _ in range(5):
        attempts.admit(HOME, "admin")
    assert refused_for(attempts, HOME, "guest")
    attempts.forget(HOME, "guest")
    assert refused_for(attempts, HOME, "admin")


def test_wrong_tries_are_forgotten_after_an_hour(attempts: Attempts, clock: Clock) -> None:
    for _ in range(5):
        attempts.admit(HOME, "ada")
    clock.pass_time(3600)
    for _ in range(5):
        attempts.admit(HOME, "ada")


def test_a_flood_on_an_account_does_not_keep_its_owner_out(attempts: Attempts, clock: Clock) -> None:
    for number in range(100):
        refused_for(attempts, f"10.0.{number}.1", "ada")
        refused_for(attempts, OTHER, "ada")
        clock.pass_time(7)
    attempts.admit(HOME, "ada")


def test_many_addresses_get_one_try_each_at_an_account_under_attack(attempts: Attempts) -> None:
    admitted = [not refused_for(attempts, f"10.0.0.{number}", "ada") for number in range(1, 101) for _ in range(5)]
    assert sum(admitted) == 20 + 96  # four addresses have their five tries, and then the others have one


def test_a_thousand_tries_at_the_same_moment_are_no_way_around(attempts: Attempts) -> None:
    assert sum(not refused_for(attempts, HOME, "ada") for _ in range(1000)) == 5


def test_a_computer_has_all_addresses_of_its_ipv6_network(attempts: Attempts) -> None:
    for number in range(5):
        attempts.admit(f"2001:db8:0:1::{number}", "ada")
    assert refused_for(attempts, "2001:db8:0:1:ffff::1", "ada")
    attempts.admit("2001:db8:0:2::1", "ada")


@pytest.mark.parametrize("same", ["::ffff:192.168.1.20", "192.168.1.20"])
def test_an_ipv4_address_is_the_same_however_it_is_written(attempts: Attempts, same: str) -> None:
    for _ in range(5):
        attempts.admit(HOME, "ada")
    assert refused_for(attempts, same, "ada")
    attempts.admit("::ffff:192.168.1.21", "ada")


@pytest.mark.parametrize("address", ["fe80::1%eth0", "", "unix"])
def test_odd_addresses_are_counted_too(attempts: Attempts, address: str) -> None:
    for _ in range(5):
        attempts.admit(address, "ada")
    assert refused_for(attempts, address, "ada")


def test_no_flood_fills_the_memory(attempts: Attempts) -> None:
    for number in range(1500):
        attempts.admit(f"10.0.{number // 250}.{number % 250}", "x" * 100_000 + str(number))
    assert len(attempts._tries) == 1000
    assert all(len(account) <= 40 for _, account in attempts._tries)
