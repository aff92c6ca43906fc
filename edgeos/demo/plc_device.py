"""A simulated PLC without its network: program, memory, states, and what can happen to them."""

from collections.abc import Callable
from dataclasses import dataclass

from edgeos.demo.plc_frames import net_id_bytes
from edgeos.demo.plc_memory import Memory
from edgeos.demo.plc_type_table import TypeTable
from edgeos.demo.plc_uploads import Uploads

RESET, RUN, STOP, CONFIG, RECONFIG = 2, 5, 6, 15, 16  # ADS states
ONLINE_CHANGES = 'TwinCAT_SystemInfoVarList._AppInfo.OnlineChangeCnt'

_APP_INFO = """
STRUCT PlcAppSystemInfo
  ObjId : UDINT;
  TaskCnt : UDINT;
  OnlineChangeCnt : UDINT;
  Flags : DWORD;
  AdsPort : UINT;
  BootDataLoaded : BOOL;
  OldBootData : BOOL;
  AppTimestamp : DT;
  KeepOutputsOnBP : BOOL;
  AppName : STRING(63);
  ProjectName : STRING(63);
END
VAR_GLOBAL CONSTANT TwinCAT_SystemInfoVarList
  _AppInfo : PlcAppSystemInfo;
END
"""


@dataclass(frozen=True, slots=True)
class Program:
    """Declarations as `plc_source` reads them: as they are, after an online change, after a download."""

    source: str
    changed: str
    other: str


@dataclass(frozen=True, slots=True)
class Traits:
    """What kind of controller it is."""

    name: str  # of the runtime, as the device info says
    version: tuple[int, int, int]
    has_symbols: bool = True
    is_rich: bool = True  # TwinCAT 3: GUIDs, enum infos, wide pointers, all sum commands, system variables


TWINCAT_3 = Traits('Plc30 App', (3, 1, 4024))
TWINCAT_2 = Traits('TCatPlcCtrl', (2, 11, 2605), is_rich=False)
TERMINAL = Traits('BC9000', (1, 0, 187), has_symbols=False, is_rich=False)  # reached by index group and offset only


class SimulatedPlc:
    """`life` is called with the seconds gone by while the program runs; it moves values in `memory`."""

    def __init__(
        self, net_id: str, program: Program, *, ams_port: int = 851, host_name: str = 'SimPLC',
        traits: Traits = TWINCAT_3, life: Callable[['SimulatedPlc', float], None] | None = None,
    ) -> None:  # fmt: skip
        self.net_id = net_id_bytes(net_id)
        self.ams_port = ams_port
        self.host_name = host_name
        self.traits = traits
        self.program = program
        self.state = RUN
        self.device_state = 0
        self.is_in_config = False
        self.restarts = 0
        self.symbol_version = 1
        self.wrong_symbol_version = False
        self._life = life
        self._source = program.source
        self.load(program.source)

    def load(self, source: str) -> None:
        """Another program, with all values as it declares them."""
        self._source = source
        rich = self.traits.is_rich
        types = TypeTable() if rich else TypeTable(pointer_size=4, most_align=1, block_header=0)
        self.memory = Memory(source + (_APP_INFO if rich else ''), types)
        self.uploads = Uploads(self.memory, is_rich=rich)
        if rich:
            self.memory.set('TwinCAT_SystemInfoVarList._AppInfo.AdsPort', self.ams_port)
            self.memory.set('TwinCAT_SystemInfoVarList._AppInfo.AppName', self.host_name)

    def step(self, seconds: float) -> None:
        """Let it live for a while."""
        if self._life and self.state == RUN and not self.is_in_config:
            self._life(self, seconds)

    def online_change(self, on: bool = True) -> None:
        """The program is changed while it runs, or back: variables move and keep their values, the count rises."""
        old, count = self.memory, self.online_changes
        self.load(self.program.changed if on else self.program.source)
        self.memory.take_over(old)
        if self.traits.is_rich:
            self.memory.set(ONLINE_CHANGES, count + 1)
        else:
            self._next_version()  # there is no count in TwinCAT 2

    def download(self, other: bool = True) -> None:
        """A new program, or the old one again: the symbol version rises, the values start anew."""
        self._next_version()
        self.load(self.program.other if other else self.program.source)

    def restart(self) -> None:
        """As after a power cut."""
        self.restarts += 1
        self.state = RUN
        self.load(self._source)

    def reported_version(self) -> int:
        """The symbol version, 1 to 255, as a client is told."""
        if self.wrong_symbol_version:
            self._next_version()
        return self.symbol_version

    @property
    def online_changes(self) -> int:
        """How often the program was changed since it was loaded."""
        return int(self.memory.get(ONLINE_CHANGES)) if self.traits.is_rich else 0

    def _next_version(self) -> None:
        self.symbol_version = self.symbol_version % 255 + 1
