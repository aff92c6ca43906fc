"""Uuids in their short and long forms, and names for those that occur in houses.

Names and numbers are those of the Bluetooth SIG's "Assigned Numbers", company names shortened to what stands on the
device. Services from fd00 on belong to companies; ff00, ffe0 and fff0 belong to nobody and are used by many.
"""
import re

_BASE = '-0000-1000-8000-00805f9b34fb'

_SHORT = re.compile(r'(?:0x)?([0-9a-f]{4}|[0-9a-f]{8})')
_LONG = re.compile(r'([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})')


def full(uuid: str) -> str:
    """The long form in lower case, of 4, 8 or 32 hex digits; raises ValueError for anything else."""
    text = uuid.strip().lower()
    if found := _SHORT.fullmatch(text):
        return found[1].rjust(8, '0') + _BASE
    if found := _LONG.fullmatch(text):
        return '-'.join(found.groups())
    raise ValueError('expected a uuid of 4 or 32 hexadecimal digits')


def short(uuid: str) -> str:
    """Four or eight digits where the Bluetooth SIG gave the number out, else the long form; raises ValueError."""
    long = full(uuid)
    if not long.endswith(_BASE):
        return long
    return long[4:8] if long.startswith('0000') else long[:8]


def name_of(uuid: str) -> str:
    """The English name of a service, characteristic or descriptor; empty if it has none here."""
    try:
        return _NAMES.get(short(uuid), '')
    except ValueError:
        return ''


def company_of(id: int) -> str:
    """The company that a number in an advert belongs to; empty if it is not among the common ones."""
    return _COMPANIES.get(id, '')


_SERVICES = {
    '1800': 'Generic Access', '1801': 'Generic Attribute', '1802': 'Immediate Alert', '1803': 'Link Loss',
    '1804': 'Tx Power', '1805': 'Current Time', '1808': 'Glucose', '1809': 'Health Thermometer',
    '180a': 'Device Information', '180d': 'Heart Rate', '180f': 'Battery', '1810': 'Blood Pressure',
    '1812': 'Human Interface Device', '1813': 'Scan Parameters', '1814': 'Running Speed and Cadence',
    '1815': 'Automation IO', '1816': 'Cycling Speed and Cadence', '1818': 'Cycling Power',
    '1819': 'Location and Navigation', '181a': 'Environmental Sensing', '181b': 'Body Composition',
    '181c': 'User Data', '181d': 'Weight Scale', '1822': 'Pulse Oximeter', '1826': 'Fitness Machine',
    '1827': 'Mesh Provisioning', '1828': 'Mesh Proxy', '183b': 'Binary Sensor', '1843': 'Audio Input Control',
    '1844': 'Volume Control', '1847': 'Device Time', '184e': 'Audio Stream Control', '1854': 'Hearing Access',
    'fcd2': 'BTHome', 'fd3d': 'SwitchBot', 'fd50': 'Tuya', 'fd5a': 'Samsung SmartTag', 'fd6f': 'Exposure Notification',
    'fdcd': 'Qingping', 'fe07': 'Sonos', 'fe0f': 'Philips Hue', 'fe2c': 'Google Fast Pair',
    'fe59': 'Nordic firmware update', 'fe95': 'Xiaomi', 'fe9f': 'Google', 'feaa': 'Eddystone', 'febe': 'Bose',
    'fee0': 'Huami', 'feed': 'Tile', 'fef3': 'Google', 'ff00': 'JBD battery', 'ffe0': 'Serial port (HM-10)',
    'fff6': 'Matter',
    '6e400001-b5a3-f393-e0a9-e50e24dcca9e': 'Nordic UART',
    '932c32bd-0000-47a2-835a-a8d455b859dd': 'Philips Hue light',
    '8d53dc1d-1db7-4cd3-868b-8a527460aa84': 'Firmware update (SMP)',
    '7905f431-b5ce-4e99-a40f-4b1e122d00d0': 'Apple notifications',
    '89d3502b-0f36-433a-8ef4-c502ad55f8dc': 'Apple media',
}  # fmt: skip

_CHARACTERISTICS = {
    '2a00': 'Device Name', '2a01': 'Appearance', '2a04': 'Peripheral Preferred Connection Parameters',
    '2a05': 'Service Changed', '2a06': 'Alert Level', '2a07': 'Tx Power Level', '2a08': 'Date Time',
    '2a0f': 'Local Time Information', '2a19': 'Battery Level', '2a1c': 'Temperature Measurement',
    '2a1d': 'Temperature Type', '2a1e': 'Intermediate Temperature', '2a23': 'System ID', '2a24': 'Model Number String',
    '2a25': 'Serial Number String', '2a26': 'Firmware Revision String', '2a27': 'Hardware Revision String',
    '2a28': 'Software Revision String', '2a29': 'Manufacturer Name String', '2a2b': 'Current Time',
    '2a35': 'Blood Pressure Measurement', '2a37': 'Heart Rate Measurement', '2a38': 'Body Sensor Location',
    '2a39': 'Heart Rate Control Point', '2a4a': 'HID Information', '2a4b': 'Report Map', '2a4c': 'HID Control Point',
    '2a4d': 'Report', '2a4e': 'Protocol Mode', '2a50': 'PnP ID', '2a6c': 'Elevation', '2a6d': 'Pressure',
    '2a6e': 'Temperature', '2a6f': 'Humidity', '2a70': 'True Wind Speed', '2a71': 'True Wind Direction',
    '2a72': 'Apparent Wind Speed', '2a73': 'Apparent Wind Direction', '2a74': 'Gust Factor',
    '2a75': 'Pollen Concentration', '2a76': 'UV Index', '2a77': 'Irradiance', '2a78': 'Rainfall', '2a79': 'Wind Chill',
    '2a7a': 'Heat Index', '2a7b': 'Dew Point', '2a98': 'Weight', '2a9b': 'Body Composition Feature',
    '2a9c': 'Body Composition Measurement', '2a9d': 'Weight Measurement', '2a9e': 'Weight Scale Feature',
    '2aa3': 'Barometric Pressure Trend', '2aa6': 'Central Address Resolution', '2aee': 'Electric Current',
    '2af2': 'Energy', '2afb': 'Illuminance', '2b05': 'Power', '2b18': 'Voltage', '2b29': 'Client Supported Features',
    '2b2a': 'Database Hash', '2b3a': 'Server Supported Features', '2b8c': 'CO2 Concentration',
    '2bcf': 'Ammonia Concentration', '2bd0': 'Carbon Monoxide Concentration', '2bd1': 'Methane Concentration',
    '2bd2': 'Nitrogen Dioxide Concentration', '2bd4': 'Ozone Concentration', '2bd5': 'Particulate Matter PM1',
    '2bd6': 'Particulate Matter PM2.5', '2bd7': 'Particulate Matter PM10', '2bd8': 'Sulfur Dioxide Concentration',
    '2be4': 'Noise', '2be7': 'VOC Concentration', '2bed': 'Battery Level Status',
    'ff01': 'JBD answers', 'ff02': 'JBD requests', 'ffe1': 'Serial data (HM-10)',
    '6e400002-b5a3-f393-e0a9-e50e24dcca9e': 'Nordic UART RX', '6e400003-b5a3-f393-e0a9-e50e24dcca9e': 'Nordic UART TX',
}  # fmt: skip

_DESCRIPTORS = {
    '2900': 'Characteristic Extended Properties', '2901': 'Characteristic User Description',
    '2902': 'Client Characteristic Configuration', '2903': 'Server Characteristic Configuration',
    '2904': 'Characteristic Presentation Format', '2905': 'Characteristic Aggregate Format', '2906': 'Valid Range',
    '2908': 'Report Reference', '290b': 'Environmental Sensing Configuration',
    '290c': 'Environmental Sensing Measurement', '290d': 'Environmental Sensing Trigger Setting',
}  # fmt: skip

_NAMES = {**_SERVICES, **_CHARACTERISTICS, **_DESCRIPTORS}

_COMPANIES = {
    0x0002: 'Intel', 0x0006: 'Microsoft', 0x000A: 'Qualcomm', 0x000D: 'Texas Instruments', 0x000F: 'Broadcom',
    0x001D: 'Qualcomm', 0x0046: 'MediaTek', 0x004C: 'Apple', 0x0057: 'Harman', 0x0059: 'Nordic Semiconductor',
    0x005D: 'Realtek', 0x0065: 'HP', 0x006B: 'Polar', 0x0075: 'Samsung', 0x0087: 'Garmin', 0x009E: 'Bose',
    0x00C4: 'LG', 0x00CE: 'Eve', 0x00E0: 'Google', 0x0103: 'Bang & Olufsen', 0x0118: 'Radius Networks',
    0x012D: 'Sony', 0x0155: 'Netatmo', 0x0157: 'Huami', 0x0171: 'Amazon', 0x018E: 'Fitbit', 0x01AB: 'Meta',
    0x01DA: 'Logitech', 0x01DD: 'Philips', 0x0211: 'Telink', 0x0225: 'Nespresso', 0x027D: 'Huawei', 0x02A6: 'Bosch',
    0x02D5: 'Omron', 0x02E1: 'Victron', 0x02E5: 'Espressif', 0x02FF: 'Silicon Labs', 0x0334: 'Airthings',
    0x038F: 'Xiaomi', 0x0397: 'LEGO', 0x03FF: 'Withings', 0x042F: 'Danfoss', 0x0494: 'Sennheiser', 0x0499: 'Ruuvi',
    0x050C: 'Osram', 0x052E: 'Ledvance', 0x05A7: 'Sonos', 0x060F: 'Philips Hue', 0x0639: 'Minew', 0x067C: 'Tile',
    0x06E7: 'Velux', 0x0702: 'Aranet', 0x07A2: 'Roku', 0x07D0: 'Tuya', 0x080B: 'Nanoleaf', 0x0969: 'SwitchBot',
    0x0A12: 'Dyson', 0x0BA9: 'Shelly', 0xEC88: 'Govee',  # Govee uses a number that nobody has given it
}  # fmt: skip
