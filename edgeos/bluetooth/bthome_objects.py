"""The objects of BTHome version 2 by their ids. Source: bthome.io/format, April 2026."""
from typing import NamedTuple


class Number(NamedTuple):
    """`size` is in bytes; the number times `factor` is in `unit`."""

    name: str
    size: int
    factor: float = 1
    unit: str = ''
    signed: bool = False


PACKET_ID = 0x00
BUTTON, COMMAND, DIMMER = 0x3A, 0x3B, 0x3C
TIMESTAMP, TEXT, RAW = 0x50, 0x53, 0x54
FIRMWARE = {0xF1: 4, 0xF2: 3}  # bytes, the last of them is the first part of the version

NUMBERS = {
    0x01: Number('battery', 1, 1, '%'),
    0x02: Number('temperature', 2, 0.01, '°C', True),
    0x03: Number('humidity', 2, 0.01, '%'),
    0x04: Number('pressure', 3, 0.01, 'hPa'),
    0x05: Number('illuminance', 3, 0.01, 'lx'),
    0x06: Number('mass', 2, 0.01, 'kg'),
    0x07: Number('mass', 2, 0.01, 'lb'),
    0x08: Number('dew_point', 2, 0.01, '°C', True),
    0x09: Number('count', 1),
    0x0A: Number('energy', 3, 0.001, 'kWh'),
    0x0B: Number('power', 3, 0.01, 'W'),
    0x0C: Number('voltage', 2, 0.001, 'V'),
    0x0D: Number('pm2_5', 2, 1, 'µg/m³'),
    0x0E: Number('pm10', 2, 1, 'µg/m³'),
    0x12: Number('co2', 2, 1, 'ppm'),
    0x13: Number('tvoc', 2, 1, 'µg/m³'),
    0x14: Number('moisture', 2, 0.01, '%'),
    0x2E: Number('humidity', 1, 1, '%'),
    0x2F: Number('moisture', 1, 1, '%'),
    0x3D: Number('count', 2),
    0x3E: Number('count', 4),
    0x3F: Number('rotation', 2, 0.1, '°', True),
    0x40: Number('distance', 2, 1, 'mm'),
    0x41: Number('distance', 2, 0.1, 'm'),
    0x42: Number('duration', 3, 0.001, 's'),
    0x43: Number('current', 2, 0.001, 'A'),
    0x44: Number('speed', 2, 0.01, 'm/s'),
    0x45: Number('temperature', 2, 0.1, '°C', True),
    0x46: Number('uv_index', 1, 0.1),
    0x47: Number('volume', 2, 0.1, 'L'),
    0x48: Number('volume', 2, 1, 'mL'),
    0x49: Number('volume_flow_rate', 2, 0.001, 'm³/h'),
    0x4A: Number('voltage', 2, 0.1, 'V'),
    0x4B: Number('gas', 3, 0.001, 'm³'),
    0x4C: Number('gas', 4, 0.001, 'm³'),
    0x4D: Number('energy', 4, 0.001, 'kWh'),
    0x4E: Number('volume', 4, 0.001, 'L'),
    0x4F: Number('water', 4, 0.001, 'L'),
    0x51: Number('acceleration', 2, 0.001, 'm/s²'),
    0x52: Number('gyroscope', 2, 0.001, '°/s'),
    0x55: Number('volume_storage', 4, 0.001, 'L'),
    0x56: Number('conductivity', 2, 1, 'µS/cm'),
    0x57: Number('temperature', 1, 1, '°C', True),
    0x58: Number('temperature', 1, 0.35, '°C', True),
    0x59: Number('count', 1, 1, '', True),
    0x5A: Number('count', 2, 1, '', True),
    0x5B: Number('count', 4, 1, '', True),
    0x5C: Number('power', 4, 0.01, 'W', True),
    0x5D: Number('current', 2, 0.001, 'A', True),
    0x5E: Number('direction', 2, 0.01, '°'),
    0x5F: Number('precipitation', 2, 0.1, 'mm'),
    0x60: Number('channel', 1),
    0x61: Number('rotational_speed', 2, 1, 'rpm'),
    0x62: Number('speed', 4, 0.000001, 'm/s', True),
    0x63: Number('acceleration', 4, 0.000001, 'm/s²', True),
    0x64: Number('light_level', 1),  # 0 dark, 1 twilight, 2 bright
    0x65: Number('settings_revision', 1),
    0xF0: Number('device_type', 2),
}

BINARY = {  # what is true; names that a number has too are changed
    0x0F: 'on',
    0x10: 'power_on',
    0x11: 'opening',
    0x15: 'battery_low',
    0x16: 'battery_charging',
    0x17: 'carbon_monoxide',
    0x18: 'cold',
    0x19: 'connectivity',
    0x1A: 'door',
    0x1B: 'garage_door',
    0x1C: 'gas_detected',
    0x1D: 'heat',
    0x1E: 'light',
    0x1F: 'unlocked',  # the lock's value: 0 is locked
    0x20: 'moisture_detected',
    0x21: 'motion',
    0x22: 'moving',
    0x23: 'occupancy',
    0x24: 'plug',
    0x25: 'presence',
    0x26: 'problem',
    0x27: 'running',
    0x28: 'safe',  # 0 is unsafe
    0x29: 'smoke',
    0x2A: 'sound',
    0x2B: 'tamper',
    0x2C: 'vibration',
    0x2D: 'window',
}

BUTTON_EVENTS = {
    0x00: 'none', 0x01: 'press', 0x02: 'double_press', 0x03: 'triple_press', 0x04: 'long_press',
    0x05: 'long_double_press', 0x06: 'long_triple_press', 0x80: 'hold_press',
}  # fmt: skip
DIMMER_EVENTS = {0x01: 'rotate_left', 0x02: 'rotate_right'}
COMMANDS = {0x00: 'off', 0x01: 'on', 0x02: 'toggle', 0x03: 'step_up', 0x04: 'step_down'}
