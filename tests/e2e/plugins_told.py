"""What the plugins of plugins_app.py say of themselves; some of it is not nice."""
from typing import Any

ICON = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 38 38"><script>document.title = 'owned'</script>
<rect width="38" height="38" rx="10" fill="#0b63bd"/><path d="M19 9a7 7 0 0 1 7 7v6l3 4H9l3-4v-6a7 7 0 0 1 7-7z" fill="#fff"/></svg>"""
README = """# Alarms
Watches values and tells you when one leaves its range. <script>document.title = 'owned'</script>
<div class="eo-offline" style="position:fixed">not a bar</div>

## How it works
Each *rule* watches **one value**, or several by a pattern such as `plc_001/MAIN.*`.

1. Choose what is watched
2. Choose the limit
   - with hysteresis
   - with a delay
3. Choose who is told

| setting | meaning | example |
|---|---|---|
| `limit` | above it, the alarm begins | `plc_001/MAIN.fbHeating.fbBoiler.fTemperatureOfTheWaterAtTheTop` |
| `delay_s` | so long it has to stay there | `mqtt_home/cellar/boiler/temperature` |

```
{"rules": [{"point": "plc_001/MAIN.fTemperature", "limit": 30}]}
```
More on [the website](https://example.com/alarms) and [here](javascript:alert(1)). ![a picture](https://example.com/spy.png)
"""
CHANGELOG = """## 1.3.0
- Quiet hours
- An alarm can be acknowledged

## 1.2.0
- Webhooks are tried again
"""

INSTALLED: list[dict[str, Any]] = [
    {'id': 'alarms', 'name': 'Alarms', 'version': '1.2.0', 'description': 'Tells you when a value leaves its range',
     'author': 'SmartHome Edge OS', 'permissions': ['points.read:**', 'points.write:mqtt_home/alarms/**'],
     'granted': ['points.read:**', 'points.write:mqtt_home/alarms/**'], 'update': '1.3.0', 'previous': '1.1.0', 'points': 12},
    {'id': 'home-assistant', 'name': 'Home Assistant', 'version': '1.0.0', 'throttled': True, 'cpu_percent': 49.0,
     'description': 'Shows values in Home Assistant and takes commands back', 'points': 1, 'memory_mb': 141.0},
    {'id': 'modbus-tcp', 'name': 'Modbus TCP', 'version': '0.9.1', 'state': 'failed', 'pid': None, 'cpu_percent': None,
     'memory_mb': None, 'description': 'Reads and writes Modbus devices', 'restarts': 6, 'next_try_in': 1712.0,
     'isolation': None, 'last_error': {'code': 'crashed', 'at': '2026-11-26T10:00:00Z', 'message':
     'It has crashed 6 times in 10 min: ConnectionError in modbus_tcp/link.py.', 'hint': 'Look at its log; it may help to stop it until there is an update.'}},
    {'id': 'weather', 'name': 'Weather', 'state': 'stopped', 'pid': None, 'cpu_percent': None, 'memory_mb': None,
     'isolation': None, 'description': 'Forecast for where you live'},
]  # fmt: skip

OFFERS: list[dict[str, Any]] = [
    {'id': 'alarms', 'name': 'Alarms', 'version': '1.3.0', 'description': 'Tells you when a value leaves its range',
     'author': 'SmartHome Edge OS', 'permissions': ['points.read:**', 'points.write:mqtt_home/alarms/**', 'http.out:*:443'],
     'changelog': CHANGELOG},
    {'id': 'influx-writer', 'name': 'Influx writer', 'version': '2.1.0', 'description': 'Writes values into InfluxDB',
     'permissions': ['points.read:plc_001/**', 'points.write:heating/*/target', 'http.out:influx.lan:8086'], 'keywords': ['database', 'history'],
     'category': 'history', 'changelog': '## 2.1.0\n- Batches'},
    {'id': 'shutters', 'name': 'Shutters', 'description': 'Moves shutters with the sun, and keeps them up when the wind is strong'},
    {'id': 'zigbee', 'name': 'Zigbee', 'description': 'Talks to a coordinator', 'why_not': 'It needs SmartHome Edge OS 2.0 or newer.'},
]  # fmt: skip

SCHEMA: dict[str, Any] = {
    'type': 'object', 'required': ['topic', 'rules'],
    'properties': {
        'topic': {'type': 'string', 'title': 'Topic', 'description': 'Where alarms are published.', 'minLength': 3},
        'severity': {'type': 'string', 'title': 'Severity', 'enum': ['info', 'warning', 'error'], 'default': 'warning'},
        'every_s': {'type': 'integer', 'title': 'Check every', 'minimum': 1, 'maximum': 60, 'default': 5},
        'factor': {'type': 'number', 'title': 'Factor', 'minimum': 0.1, 'maximum': 10, 'default': 1.5},
        'quiet': {'type': 'boolean', 'title': 'Quiet at night'},
        'token': {'type': 'string', 'title': 'Token', 'format': 'password'},
        'way': {'type': 'string', 'title': 'Tell by', 'enum': ['mqtt', 'webhook'], 'default': 'mqtt'},
        'watched': {'type': 'string', 'title': 'Watched', 'format': 'glob'},
        'tags': {'type': 'array', 'title': 'Tags', 'items': {'type': 'string', 'minLength': 2}, 'maxItems': 4},
        'rules': {'type': 'array', 'title': 'Rules', 'description': 'Each watches one value.', 'minItems': 1, 'items': {
            'type': 'object', 'required': ['name', 'point', 'limit'], 'properties': {
                'name': {'type': 'string', 'title': 'Name'},
                'point': {'type': 'string', 'title': 'Value', 'format': 'point'},
                'limit': {'type': 'number', 'title': 'Limit'}}}},
        'night': {'type': 'object', 'title': 'Night', 'properties': {
            'from': {'type': 'integer', 'title': 'From', 'minimum': 0, 'maximum': 23, 'default': 22},
            'to': {'type': 'integer', 'title': 'To', 'minimum': 0, 'maximum': 23, 'default': 6}}},
        'extra': {'title': 'Extra', 'oneOf': [{'type': 'string'}, {'type': 'object'}]},
    },
    'if': {'properties': {'way': {'const': 'webhook'}}},
    'then': {'properties': {'url': {'type': 'string', 'title': 'Address', 'format': 'uri'}}, 'required': ['url']},
    'else': {'properties': {'retain': {'type': 'boolean', 'title': 'Retain', 'default': True}}},
}  # fmt: skip
VALUES: dict[str, Any] = {
    'topic': 'home/alarms', 'severity': 'error', 'token': '********', 'tags': ['cellar', 'roof'], 'quiet': True,
    'rules': [{'name': 'Too hot', 'point': 'plc_001/MAIN.fTemperature', 'limit': 30.5},
              {'name': 'Too cold', 'point': 'plc_001/MAIN.fTemperature', 'limit': 4}],
    'extra': {'a': 1}, 'unknown': 7,
}  # fmt: skip
