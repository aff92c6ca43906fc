"""Who can open the pages, from what the program listens on."""
import socket

import pytest

from pages.reach import Reach, bound_to, describe

OWN = ['127.0.0.1', '192.168.1.5']


@pytest.mark.parametrize(('bound', 'reach'), [
    (['127.0.0.1'], Reach(['http://127.0.0.1:8080'], False)),
    (['::1'], Reach(['http://[::1]:8080'], False)),
    (['0.0.0.0'], Reach(['http://192.168.1.5:8080'], True)),
    (['::'], Reach(['http://192.168.1.5:8080'], True)),
    (['192.168.1.5'], Reach(['http://192.168.1.5:8080'], True)),
    (['fd00::5'], Reach(['http://[fd00::5]:8080'], True)),
])  # fmt: skip
def test_reach_says_whether_other_devices_can_open_the_pages(bound: list[str], reach: Reach) -> None:
    assert describe(bound, 8080, OWN) == reach


def test_address_is_the_one_really_listened_on() -> None:
    with socket.create_server(('127.0.0.1', 0)) as server:
        assert bound_to(server.getsockname()[1]) == ['127.0.0.1']
