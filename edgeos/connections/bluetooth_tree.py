"""What a Bluetooth device offers, as a tree: services, and characteristics below them."""
from collections.abc import Mapping

from edgeos.bluetooth.gatt import GattLink
from edgeos.bluetooth.stack import GattCharacteristic
from edgeos.bluetooth.uuids import name_of, short
from edgeos.connections.services import Browsed
from edgeos.connections.topics import next_level
from edgeos.gateway import Point


def browse_tree(link: GattLink | None, points: Mapping[str, Point], prefix: str) -> list[Browsed]:
    """What lies directly below a prefix: '' or a service. Without a link, the points by their names."""
    if link is None:
        return next_level(points, prefix)
    if not prefix:
        return _services(link)
    start = prefix.rstrip('/') + '/'
    return [_characteristic(path, each) for path, each in link.paths.items() if path.startswith(start)]


def _services(link: GattLink) -> list[Browsed]:
    count: dict[str, int] = {}
    for path in link.paths:
        service = path.partition('/')[0]
        count[service] = count.get(service, 0) + 1
    return [Browsed(service, 'service', comment=name_of(service), children=children)
            for service, children in count.items()]  # fmt: skip


def _characteristic(path: str, each: GattCharacteristic) -> Browsed:
    return Browsed(path, ', '.join(sorted(each.properties)), comment=name_of(short(each.uuid)),
                   writable=each.is_writable)  # fmt: skip
