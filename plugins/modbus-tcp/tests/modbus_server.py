"""A Modbus device made of pymodbus' own server: `python modbus_server.py PORT`, or in the same process by `server`.

Unit 1. Holding 0-19: 100, 101 …, 30-31: the float 21.5, 40-43: the text "Keller"; others do not exist.
Input 0-3: 7. Coils 0-7: off. Discrete inputs 0-7: on.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

if __name__ == '__main__':
    sys.path.append(str(next((Path(__file__).parents[1] / 'wheels').glob('pymodbus-*.whl'))))

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


def server(port: int, action: Any = None) -> ModbusTcpServer:
    """Not yet started."""
    bits = ([SimData(0, values=[on] * 8, datatype=DataType.BITS)] for on in (False, True))
    holding = [SimData(0, values=list(range(100, 120)), datatype=DataType.REGISTERS),
               SimData(30, values=21.5, datatype=DataType.FLOAT32),
               SimData(40, values='Keller\0\0', datatype=DataType.STRING)]  # fmt: skip
    inputs = [SimData(0, values=[7] * 4, datatype=DataType.REGISTERS)]
    return ModbusTcpServer(SimDevice(1, (*bits, holding, inputs), action=action), address=('127.0.0.1', port))


async def main(port: int) -> None:
    await server(port).serve_forever()


if __name__ == '__main__':
    asyncio.run(main(int(sys.argv[1])))
