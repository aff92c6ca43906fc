"""What pyads sees of a PLC, as JSON: `pyads_client.py ADDRESS:PORT NET_ID AMS_PORT`. A process, because it can crash."""
import json
import os
import sys
import time

import pyads

ADDRESS, NET_ID, AMS_PORT = sys.argv[1:]
KEPT: list[object] = []  # pyads frees a callback while AdsLib's own thread may still be in it, and crashes


def main() -> dict[str, object]:
    plc = pyads.Connection(NET_ID, int(AMS_PORT), ADDRESS)
    plc.open()
    name, version = plc.read_device_info()
    symbols = {symbol.name: symbol.symbol_type for symbol in plc.get_all_symbols()}
    found: dict[str, object] = {
        'state': plc.read_state()[0], 'name': name, 'version': [version.version, version.revision, version.build],
        'symbols': len(symbols), 'comment': plc.get_symbol('GVL.nSetpoint').comment, 'type': symbols['GVL.fExact4'],
        'before': plc.read_by_name('GVL.nSetpoint', pyads.PLCTYPE_INT),
    }  # fmt: skip
    plc.write_by_name('GVL.nSetpoint', 25, pyads.PLCTYPE_INT)
    found['after'] = plc.read_by_name('gvl.NSETPOINT', pyads.PLCTYPE_INT)
    found['written'] = plc.write_list_by_name({'GVL.nSetpoint': 26, 'GVL.nOld': -3})
    found['list'] = plc.read_list_by_name(['GVL.nSetpoint', 'GVL.nOld'])
    try:
        plc.read_by_name('GVL.nothing', pyads.PLCTYPE_INT)
    except pyads.ADSError as error:
        found['missing'] = error.err_code
    names = [name for name, kind in symbols.items() if name.startswith('GVL.') and name[-1].isdigit()]
    found['many'] = len(plc.read_list_by_name(names))
    found['reads_per_second'] = rate(plc, names)
    found['cyclic'] = notified(plc, pyads.ADSTRANS_SERVERCYCLE, 0.02)
    found['changes'] = notified(plc, pyads.ADSTRANS_SERVERONCHA, 0.02)
    plc.write_control(pyads.ADSSTATE_STOP, 0, 0, pyads.PLCTYPE_INT)
    found['stopped'] = plc.read_state()[0]
    return found


def rate(plc: pyads.Connection, names: list[str]) -> float:
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < 0.5:
        plc.read_list_by_name(names)
        count += 1
    return round(count / 0.5)


def notified(plc: pyads.Connection, mode: int, cycle: float) -> list[int]:
    got: list[int] = []
    callback = plc.notification(pyads.PLCTYPE_UDINT)(lambda handle, name, moment, value: got.append(value))
    handles = plc.add_device_notification('MAIN.nTick', pyads.NotificationAttrib(4, mode, 0, cycle), callback)
    deadline = time.monotonic() + 5
    while len(got) < 10 and time.monotonic() < deadline:
        time.sleep(0.02)
    KEPT.extend(pyads.pyads_ex.callback_store.values())
    plc.del_device_notification(*handles)
    return got


print(json.dumps(main()), flush=True)
os._exit(0)  # closing it can crash
