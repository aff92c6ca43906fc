"""Permissions and isolation in plain words."""
import pytest

from pages.permission_words import say_isolation, say_permission, say_permissions


@pytest.mark.parametrize(('permission', 'said', 'wide'), [
    ('points.read:**', 'May read all values of all devices', False),
    ('points.write:**', 'May write all values of all devices', True),
    ('points.read:plc_001/**', 'May read all values of plc_001', False),
    ('points.write:heating/*/target', 'May write those values of heating that match */target', False),
    ('points.write:*/lamp', 'May write all values that match */lamp', True),
    ('points.read:plc_001/MAIN.fTemperature', 'May read the value MAIN.fTemperature of plc_001', False),
    ('http.out:example.com:443', 'May talk to example.com, port 443', False),
    ('http.out:[::1]:1883', 'May talk to [::1], port 1883', False),
    ('http.out:*:443', 'May talk to every address, port 443', False),
    ('http.out:*:*', 'May talk to every address in your network and on the internet', True),
    ('serial:/dev/ttyUSB0', 'Asks for something unknown: serial:/dev/ttyUSB0', True),
    ('nonsense', 'Asks for something unknown: nonsense', True),
])  # fmt: skip
def test_each_permission_is_a_sentence(permission, said, wide):
    found = say_permission(permission, False, str)
    assert (found.text, found.is_wide) == (said, wide)


def test_what_is_new_and_what_reaches_far_comes_first():
    said = say_permissions(['points.read:a/**', 'points.write:**', 'http.out:b:1', 'points.read:c/**'], ['points.read:c/**'], str)
    assert [each.permission for each in said] == ['points.read:c/**', 'points.write:**', 'http.out:b:1', 'points.read:a/**']
    assert [each.is_new for each in said] == [True, False, False, False]


def test_walls_that_are_missing_are_named():
    said = say_isolation({'uid': False, 'landlock': 3, 'tcp': False, 'no_new_privs': True}, ['http.out:b:1'], str)
    assert [stands for stands, _sentence in said] == [False, True, False, True]
    assert 'same user' in said[0][1]
    assert say_isolation(None, [], str) == []


def test_no_wall_is_promised_that_the_owner_has_opened():
    level = {'uid': True, 'landlock': 7, 'tcp': True, 'no_new_privs': True}
    assert any('ports named above' in sentence for _stands, sentence in say_isolation(level, ['http.out:b:1'], str))
    assert not any('port' in sentence for _stands, sentence in say_isolation(level, ['http.out:*:*'], str))
