"""Numbers of a device in their unit."""
import pytest

from edgeos.bluetooth.readings import Reading, scaled


@pytest.mark.parametrize(('number', 'scale', 'value'), [
    (1320, 0.01, '13.2'), (2935, 0.01, '29.35'), (-287, 0.01, '-2.87'), (3, 0.1, '0.3'), (13390, 0.001, '13.39'),
    (-3123456, 0.000001, '-3.123456'), (-22, 0.35, '-7.7'), (3, 1 / 64, '0.046875'), (15692, 0.005, '78.46'),
    (7, 1, '7'), (-7, 1, '-7'), (0, 0.01, '0.0'), (5, 10, '50'),
])  # fmt: skip
def test_numbers_have_the_digits_of_their_resolution(number, scale, value):
    assert str(scaled(number, scale)) == value


def test_every_number_of_two_bytes_is_the_shortest_decimal():
    assert all(scaled(number, 0.01) == float(f'{number}e-2') for number in range(-0x8000, 0x10000))
    assert all(scaled(number, 0.001) == float(f'{number}e-3') for number in range(0x10000))


def test_a_reading_is_without_unit_and_read_only_unless_said():
    assert Reading('door', True) == ('door', True, '', False)
