"""What goes wrong on the way to any device in the network, said for the owner."""
from edgeos.connections.state import ConnectionFailure


def name_not_found(host: str) -> ConnectionFailure:
    """Nobody knows the name."""
    return ConnectionFailure('name_not_resolved', 'The name {host} could not be found.',
                             'Check the spelling, or enter the address instead.', host=host)  # fmt: skip


def no_way(error: OSError, address: str) -> ConnectionFailure:
    """This device's own network does not lead there."""
    return ConnectionFailure('no_route', 'There is no way to {address}: {why}.', 'Check the network of this device.',
                             address=address, why=error.strerror or error)  # fmt: skip
