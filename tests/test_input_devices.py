"""What Linux lists as input devices, and which of them somebody types on."""
from pathlib import Path

import pytest

from edgeos.input_devices import find_keyboard, has_keyboard

KEYBOARD = '''I: Bus=0003 Vendor=046d Product=c31c Version=0110
N: Name="Logitech USB Keyboard"
P: Phys=usb-0000:01:00.0-1.2/input0
S: Sysfs=/devices/platform/scb/fd500000.pcie/usb1/1-1/1-1.2/input/input3
H: Handlers=sysrq kbd event0 leds
B: PROP=0
B: EV=120013
B: KEY=1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe
B: MSC=10
B: LED=7

'''
KEYBOARD_32_BIT = KEYBOARD.replace('1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe',
                                   '10000 7 ff9f207a c14057ff febeffdf ffefffff ffffffff fffffffe')  # fmt: skip
POWER_BUTTON = '''I: Bus=0019 Vendor=0000 Product=0001 Version=0000
N: Name="Power Button"
H: Handlers=kbd event1
B: PROP=0
B: EV=3
B: KEY=10000000000000 0

'''
REMOTE = '''I: Bus=001e Vendor=0000 Product=0000 Version=0001
N: Name="vc4-hdmi-0"
H: Handlers=kbd event2
B: PROP=20
B: EV=100017
B: KEY=fff000000000000 3fc00 0 10000000000000 fc10b 4d08000000000000 17 10aa8 9e0000004000 0 10004000ffc
B: REL=3

'''
TOUCHSCREEN = '''I: Bus=0018 Vendor=0000 Product=0000 Version=0000
N: Name="raspberrypi-ts"
H: Handlers=mouse0 event3
B: PROP=2
B: EV=b
B: KEY=400 0 0 0 0 0
B: ABS=260800000000003

'''
BARCODE_READER = KEYBOARD.replace('Logitech USB Keyboard', 'Honeywell Barcode Scanner')


@pytest.mark.parametrize('listing', [KEYBOARD, KEYBOARD_32_BIT, POWER_BUTTON + TOUCHSCREEN + KEYBOARD],
                         ids=['64 bit', '32 bit', 'among others'])  # fmt: skip
def test_a_keyboard_is_known_by_its_letters(listing):
    assert has_keyboard(listing)


@pytest.mark.parametrize('listing', [POWER_BUTTON, REMOTE, TOUCHSCREEN, BARCODE_READER, '', 'N: Name=\nB: EV=x\n'],
                         ids=['power button', 'remote', 'touch screen', 'barcode reader', 'nothing', 'nonsense'])  # fmt: skip
def test_nobody_types_on_buttons_remotes_and_readers(listing):
    assert not has_keyboard(listing)


def test_where_the_system_does_not_tell_nothing_is_claimed(tmp_path: Path):
    (tmp_path / 'devices').write_text('')
    assert find_keyboard(tmp_path / 'none') is None
    assert find_keyboard(tmp_path / 'devices') is None
    (tmp_path / 'devices').write_text(TOUCHSCREEN)
    assert find_keyboard(tmp_path / 'devices') is False
