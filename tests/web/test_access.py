"""Passwords, sessions, tokens, slowed guessing and the PIN, without a server."""

import asyncio
from pathlib import Path

import pytest

from edgeos.web import access as access_module
from edgeos.web.access import (
    LoginGate,
    Pin,
    SecretRefused,
    TooManyAttempts,
    WrongSecret,
    hash_password,
    hash_pin,
    verify_in_thread,
    verify_password,
)
from tests.helpers import FakeClock
from tests.web.house import Folder

PASSWORD = 'correct horse'
DAY = 86_400


@pytest.fixture(scope='module')
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def folder(tmp_path: Path, clock: FakeClock, password_hash: str) -> Folder:
    return Folder(tmp_path, clock, password_hash)


def test_password_is_kept_as_argon2id_and_checked(password_hash: str) -> None:
    assert password_hash.startswith('$argon2id$')
    assert PASSWORD not in password_hash
    assert verify_password(password_hash, PASSWORD)
    assert not verify_password(password_hash, PASSWORD + ' ')
    assert not verify_password(password_hash, '')


def test_umlauts_match_however_they_were_composed() -> None:
    assert verify_password(hash_password('Schl\u00fcssel!'), 'Schlu\u0308ssel!')


@pytest.mark.parametrize('password', ['', '1234567', 'x' * 257])
def test_unfit_passwords_are_refused_with_the_rule(password: str) -> None:
    with pytest.raises(SecretRefused, match='characters'):
        hash_password(password)


@pytest.mark.parametrize('kept', ['plain text', '$argon2id$v=19$m=1,t=1,p=1$broken', '$argon2id$'])
def test_damaged_hash_lets_nobody_in_and_is_logged(kept: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not verify_password(kept, 'plain text')
    assert 'damaged' in caplog.text


async def test_checking_a_password_leaves_the_event_loop_free(password_hash: str) -> None:
    checks = asyncio.gather(*(verify_in_thread(password_hash, 'guess') for _ in range(4)))
    turns = 0
    while not checks.done():
        await asyncio.sleep(0)
        turns += 1
    assert await checks == [False] * 4
    assert turns > 50


def waits(gate: LoginGate, clock: FakeClock, count: int, address: str = '10.0.0.1') -> list[float]:
    """The wait after each of so many failures, each made as soon as it is allowed."""
    found = []
    for _ in range(count):
        assert gate.attempt(address) == 0
        found.append(gate.wait(address))
        clock.advance(found[-1])
    return found


def test_waits_grow_after_three_failures_up_to_a_minute(clock: FakeClock) -> None:
    assert waits(LoginGate(clock), clock, 11) == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_attempt_during_a_wait_is_refused_and_does_not_lengthen_it(clock: FakeClock) -> None:
    gate = LoginGate(clock)
    for _ in range(3):
        gate.attempt('10.0.0.1')
    clock.advance(0.5)
    assert gate.attempt('10.0.0.1') == 0.5
    assert gate.attempt('10.0.0.1') == 0.5
    assert gate.attempt('10.0.0.2') == 0


def test_success_and_an_hour_without_tries_reset_the_waits(clock: FakeClock) -> None:
    gate = LoginGate(clock)
    waits(gate, clock, 6)
    gate.succeeded('10.0.0.1')
    assert waits(gate, clock, 4) == [0, 0, 1, 2]
    clock.advance(3601)
    assert waits(gate, clock, 3) == [0, 0, 1]


def test_many_addresses_together_are_slowed_but_not_who_logged_in_before(clock: FakeClock) -> None:
    gate = LoginGate(clock)
    gate.attempt('192.168.1.2')
    gate.succeeded('192.168.1.2')
    let_through = [number for number in range(60) if gate.attempt(f'10.0.0.{number}') == 0]
    assert let_through == list(range(30))
    assert gate.wait('10.9.9.9') == 1
    assert gate.attempt('192.168.1.2') == 0


def test_network_of_one_ipv6_customer_is_one_address(clock: FakeClock) -> None:
    gate = LoginGate(clock)
    for number in range(3):
        assert gate.attempt(f'2001:db8::{number}') == 0
    assert gate.attempt('2001:db8::ffff') == 1
    assert gate.attempt('2001:db8:0:1::1') == 0
    assert gate.attempt('::ffff:10.0.0.1') == 0
    assert gate.attempt('10.0.0.1') == 0
    assert gate.attempt('not an address') == 0


def test_gate_remembers_a_bounded_number_of_addresses(clock: FakeClock) -> None:
    gate = LoginGate(clock, free_in_total=10**9, capacity=10)
    for number in range(100):
        gate.attempt(f'10.0.0.{number}')
        gate.succeeded(f'10.0.1.{number}')
    assert (len(gate._tries), len(gate._known)) == (10, 10)


async def test_guesses_side_by_side_are_all_counted(folder: Folder) -> None:
    guesses = [folder.access.log_in('10.0.0.1', f'guess {number}') for number in range(20)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    kinds = [type(result) for result in results]
    assert (kinds.count(WrongSecret), kinds.count(TooManyAttempts)) == (3, 17)


async def test_right_password_has_to_wait_too(folder: Folder) -> None:
    for _ in range(3):
        with pytest.raises(WrongSecret):
            await folder.access.log_in('10.0.0.1', 'guess')
    with pytest.raises(TooManyAttempts) as refusal:
        await folder.access.log_in('10.0.0.1', PASSWORD)
    assert refusal.value.wait == 1
    folder.clock.advance(1)
    assert await folder.access.log_in('10.0.0.1', PASSWORD)


@pytest.mark.parametrize('pin', ['123', '123456789', '12a4', '', '١٢٣٤', '1234\n'])
def test_unfit_pins_are_refused(pin: str) -> None:
    with pytest.raises(SecretRefused, match='digits'):
        hash_pin(pin)


async def test_pin_unlocks_one_browser_for_five_minutes(clock: FakeClock) -> None:
    kept = hash_pin('2468')
    pin = Pin(lambda: kept, LoginGate(clock), clock)
    assert pin.is_needed and not pin.is_unlocked('kitchen')
    await pin.unlock('kitchen', '10.0.0.1', '2468')
    assert pin.is_unlocked('kitchen') and not pin.is_unlocked('hall')
    clock.advance(299)
    assert pin.seconds_left('kitchen') == 1
    clock.advance(1)
    assert not pin.is_unlocked('kitchen')
    await pin.unlock('kitchen', '10.0.0.1', '2468')
    pin.lock('kitchen')
    assert not pin.is_unlocked('kitchen')
    await pin.unlock('kitchen', '10.0.0.1', '2468')
    kept = hash_pin('1357')
    assert not pin.is_unlocked('kitchen')


async def test_wrong_pins_are_slowed(clock: FakeClock) -> None:
    kept = hash_pin('2468')
    pin = Pin(lambda: kept, LoginGate(clock), clock)
    for _ in range(3):
        with pytest.raises(WrongSecret):
            await pin.unlock('kitchen', '10.0.0.1', '1111')
    with pytest.raises(TooManyAttempts):
        await pin.unlock('kitchen', '10.0.0.1', '2468')
    assert not pin.is_unlocked('kitchen')


def test_without_a_pin_edits_are_open(clock: FakeClock) -> None:
    assert Pin(lambda: '', LoginGate(clock), clock).is_unlocked('anybody')


def test_everything_is_reached_through_one_module() -> None:
    assert all(hasattr(access_module, name) for name in access_module.__all__)
