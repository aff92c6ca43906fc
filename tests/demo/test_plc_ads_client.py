"""The simulated PLC seen by a client nobody here wrote: ads-client from npm."""
import json
import math
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.plc import Plc

PEERS = Path(__file__).parent / 'plc_peers'
WANTED = '2.1.0'
NAMES = ['Service.nSint', 'Service.nUint', 'Service.nLword', 'Service.fReal', 'Service.fLreal', 'Service.sText',
         'Service.sUtf8', 'Service.wsText', 'Service.tTime', 'Service.eMode', 'Service.eMove', 'Service.aInt',
         'Service.aBool', 'Service.aText', 'Service.aCube', 'Service.aModes', 'Service.aNested', 'Plant.sVersion',
         'Boiler.wStatus', 'Radiators.stCurve.fSlope', 'Boiler.stStatus', 'Schedule.aNames[2]', 'Service.bMarker',
         'Service.nMarker', 'System.sInstaller', 'TwinCAT_SystemInfoVarList._AppInfo.AdsPort']  # fmt: skip
WRITES: list[list[Any]] = [
    ['Service.nInt', -32768], ['Service.fLreal', 2.5], ['Service.sText', 'Grüße'], ['Service.wsText', '日本'],
    ['Service.eMode', 'Party'], ['Service.aInt', [9, 8, 7, 6, 5]], ['Service.aCube[1,0,2]', -6], ['Service.bMarker', True],
    ['Service.stPeriod', {'todFrom': 1000, 'todTo': 2000, 'eMode': 'Eco'}],
    ['Service.aStatus[2]', {'bOn': True, 'bReady': False, 'bFault': True, 'bManual': False, 'nCode': 513}],
    ['Service.aStatus[2].bReady', True],
]  # fmt: skip


@pytest.fixture(scope='session')
def modules() -> Path:
    """A node_modules folder with the client, installed once and kept in the temporary folder."""
    if not (shutil.which('node') and shutil.which('npm')):
        message = 'node and npm are missing: apt install nodejs npm'
        (pytest.fail if os.environ.get('EDGEOS_TEST_ALL') else pytest.skip)(message)
    folder = Path(tempfile.gettempdir()) / f'edgeos-ads-client-{WANTED}-{os.getuid()}'
    installed = folder / 'node_modules' / 'ads-client' / 'package.json'
    if not installed.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(PEERS / 'package.json', folder)
        done = subprocess.run(['npm', 'install', '--no-audit', '--no-fund', f'ads-client@{WANTED}'], cwd=folder,
                              capture_output=True, text=True, timeout=120)  # fmt: skip
        if done.returncode:
            message = f'npm install ads-client@{WANTED} failed: {done.stderr.strip()[-300:]}'
            (pytest.fail if os.environ.get('EDGEOS_TEST_ALL') else pytest.skip)(message)
    assert json.loads(installed.read_text())['version'] == WANTED
    return folder / 'node_modules'


def run_client(modules: Path, plc: Plc, net_id: str, ams_port: int, *, script: str = 'ads_client.js',
               **environment: Any) -> dict[str, Any]:  # fmt: skip
    done = subprocess.run(
        ['node', str(PEERS / script), plc.host, str(plc.port), net_id, str(ams_port)],
        env=os.environ | {'NODE_PATH': str(modules)} | {key: json.dumps(value) for key, value in environment.items()},
        capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


@pytest.fixture(scope='module')
def seen(modules: Path) -> Any:
    """What it has seen of the heating house."""
    plc = Plc('house3', '--net-id', '10.0.0.3.1.1').start()
    yield run_client(modules, plc, '10.0.0.3.1.1', 851, NAMES=NAMES, WRITES=WRITES)
    plc.stop()


def test_it_connects_and_sees_a_running_plc(seen):
    assert seen['info']['deviceName'] == 'Plc30 App'
    assert seen['info']['majorVersion'] == 3
    assert seen['state']['adsState'] == seen['system']['adsState'] == 5


def test_it_browses_all_symbols_and_types(seen):
    assert 180 < seen['symbols'] < 260
    assert set(seen['unreadable']) == {'LDATE', 'LTOD', 'LDT'}  # unknown to this client; all others could be read by name
    assert seen['types'] > 60
    assert seen['symbol']['comment'] == 'room set-point [°C]'
    assert (seen['symbol']['type'], seen['symbol']['size']) == ('T_Setpoint', 4)


def test_it_reads_every_kind_of_value_by_name(seen):
    values = seen['values']
    assert values['Service.nSint'] == -5
    assert values['Service.nUint'] == 65000
    assert values['Service.nLword'] == str(0x0123456789ABCDEF)
    assert math.isclose(values['Service.fReal'], 21.3, rel_tol=1e-6)
    assert values['Service.fLreal'] == math.pi
    assert values['Service.sText'] == 'Küche 21°C'
    assert values['Service.sUtf8'] == 'Küche 21°C – 日本'
    assert values['Service.wsText'] == 'Küche 日本'
    assert values['Service.tTime'] == 90061001
    assert (values['Service.eMode']['name'], values['Service.eMode']['value']) == ('Eco', 2)
    assert (values['Service.eMove']['name'], values['Service.eMove']['value']) == ('Closing', -1)
    assert values['Service.aInt'] == [0, 1, 2, 3, 4]
    assert values['Service.aBool'] == [True, False, True, False, True]
    assert values['Service.aText'] == ['eins', 'zwölf']
    assert values['Service.aCube'] == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert [mode['name'] for mode in values['Service.aModes']] == ['Eco', 'Party']
    assert values['Service.aNested'] == [[0, 0], [0, 0]]
    assert values['Plant.sVersion'] == '2.4.1'
    assert math.isclose(values['Radiators.stCurve.fSlope'], 1.2, rel_tol=1e-6)
    assert set(values['Boiler.stStatus']) == {'bOn', 'bReady', 'bFault', 'bManual', 'nCode'}
    assert values['Boiler.stStatus']['bFault'] is False
    assert values['Schedule.aNames[2]'] == 'Dreikönig'
    assert (values['Service.bMarker'], values['Service.nMarker']) == (False, 77)
    assert values['TwinCAT_SystemInfoVarList._AppInfo.AdsPort'] == 851


def test_it_writes_by_name_and_reads_back(seen):
    written = seen['written']
    assert written['Service.nInt'] == -32768
    assert written['Service.fLreal'] == 2.5
    assert written['Service.sText'] == 'Grüße'
    assert written['Service.wsText'] == '日本'
    assert written['Service.eMode']['name'] == 'Party'
    assert written['Service.aInt'] == [9, 8, 7, 6, 5]
    assert written['Service.aCube[1,0,2]'] == -6
    assert written['Service.bMarker'] is True
    period = written['Service.stPeriod']
    assert (period['todFrom'], period['todTo'], period['eMode']['name']) == (1000, 2000, 'Eco')
    assert written['Service.aStatus[2]'] == {'bOn': True, 'bReady': False, 'bFault': True, 'bManual': False, 'nCode': 513}
    assert written['Service.aStatus[2].bReady'] is True


def test_handles_and_sum_commands(seen):
    assert seen['handle'] == ['INT', 2, -32768]
    assert seen['multi'] == [True, True]
    assert seen['multiHandles'] == [True, False]
    assert seen['missing'] == 1808


def test_it_gets_notifications_by_name(seen):
    counted = seen['cyclic']
    assert len(counted) >= 5 and counted == sorted(counted)
    modes = [value['eMode']['name'] for value in seen['changes']]
    assert modes == ['Eco', 'Party']


def test_it_reads_the_old_cellar_too(modules):
    plc = Plc('house2', '--net-id', '10.0.0.2.1.1').start()
    try:
        names = ['.bLamp', '.aPumps', '.sHint', '.eVentilation', 'MAIN.fbLight.PT', '.aPumps[2].sName']
        seen = run_client(modules, plc, '10.0.0.2.1.1', 801, script='ads_client_cellar.js', NAMES=names)
    finally:
        plc.stop()
    assert seen['.bLamp'] is True
    assert seen['.sHint'] == 'Bitte Tür schließen'
    assert seen['.aPumps[2].sName'] == 'Gartenspülung'
    assert len(seen['.aPumps']) == 2 and seen['.aPumps'][0]['eMode'] == 2
