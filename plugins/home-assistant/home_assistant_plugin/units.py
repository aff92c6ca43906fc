"""What Home Assistant calls the things that have a unit: https://developers.home-assistant.io/docs/core/entity/sensor"""

from typing import NamedTuple


class Meaning(NamedTuple):
    """Empty where a unit alone does not say it."""

    device_class: str = ''
    state_class: str = 'measurement'


_UNITS_OF = {
    'temperature': '°C °F K',
    'power': 'mW W kW MW',
    'apparent_power': 'VA',
    'reactive_power': 'var',
    'voltage': 'µV mV V kV',
    'current': 'mA A',
    'frequency': 'Hz kHz MHz GHz',
    'pressure': 'Pa hPa kPa bar mbar cbar psi',
    'illuminance': 'lx',
    'irradiance': 'W/m²',
    'volume_flow_rate': 'm³/h L/min mL/s',
    'speed': 'm/s km/h mm/s',
    'distance': 'mm cm m km',
    'weight': 'mg g kg',
    'duration': 'ms s min h d',
    'signal_strength': 'dB dBm',
    'data_rate': 'bit/s kbit/s Mbit/s B/s kB/s MB/s',
}
_MEANINGS = {unit: Meaning(kind) for kind, units in _UNITS_OF.items() for unit in units.split()}
_MEANINGS |= {unit: Meaning('energy', 'total_increasing') for unit in ('Wh', 'kWh', 'MWh')}
_MEANINGS |= {unit: Meaning('volume', 'total') for unit in ('m³', 'L', 'mL')}
_SPELLINGS = {'C': '°C', 'degC': '°C', 'm3': 'm³', 'l': 'L', 'ml': 'mL', 'm3/h': 'm³/h', 'l/min': 'L/min', 'lux': 'lx',
              'W/m2': 'W/m²', 'VAr': 'var'}  # fmt: skip
_PERCENTAGES = (('humidity', ('humid', 'feucht')), ('battery', ('batter', 'akku', 'soc')))


def spelled(unit: str) -> str:
    """As Home Assistant writes it."""
    return _SPELLINGS.get(unit, unit)


def meaning_of(unit: str, name: str) -> Meaning:
    """`unit` as Home Assistant writes it; a percentage is told by the point's name."""
    if unit == '%':
        low = name.casefold()
        return Meaning(next((kind for kind, words in _PERCENTAGES if any(word in low for word in words)), ''))
    return _MEANINGS.get(unit, Meaning(state_class='measurement' if unit else ''))
