"""The types of connection there are; a new driver adds one line."""
from pydantic import BaseModel

from edgeos.connections.bluetooth import BluetoothConnection
from edgeos.connections.connection import Connection
from edgeos.connections.mqtt import MqttConnection
from edgeos.connections.plc import PlcConnection

KINDS: dict[str, type[Connection]] = {
    MqttConnection.KIND: MqttConnection,
    PlcConnection.KIND: PlcConnection,
    BluetoothConnection.KIND: BluetoothConnection,
}


def config_models() -> dict[str, type[BaseModel]]:
    """Type to the model of its config, for reading the settings."""
    return {kind: connection.CONFIG for kind, connection in KINDS.items()}
