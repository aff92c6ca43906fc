"""Points in Home Assistant, through an MQTT connection of the app and Home Assistant's MQTT discovery."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from edgeos_plugin import PermissionDenied, Plugin, Point, Subscription, WriteFailed

from .choices import Settings
from .entity import CONTROLS, BadCommand, Entity, component_of, config_topic
from .outbox import Outbox

MOST = 1000  # entities
LISTEN_LIMIT = 10.0  # s in which our own status has to come back from the broker
FAREWELL_LIMIT = 2.0
SETTLED = 5.0  # s after the broker is back by which it has said again what it keeps

Known = dict[str, list[str]]  # point id: component and object id


class HomeAssistant(Plugin):
    """In the storage: `entities`, what was announced and where; `gone`, messages that have to be cleared yet;
    `commands`, the last on each topic."""

    async def start(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.subscriptions: list[Subscription] = []
        self.begin()

    async def on_config(self, config: dict[str, Any]) -> None:
        former, settings = self.settings, Settings.of(config)
        await self.end()
        if (former.connection, former.base) != (settings.connection, settings.base):
            await self.say_offline(former)
        self.begin()

    async def stop(self) -> None:
        await self.end()
        await self.say_offline(self.settings)

    def begin(self) -> None:
        """Everything from the configuration. Raises ConfigError."""
        self.settings = Settings.of(self.config)
        self.entities: dict[str, Entity] = {}
        self.by_object: dict[str, Entity] = {}
        self.available: dict[str, bool] = {}
        self.told: dict[str, tuple[Any, float]] = {}  # the last state of each, and when (monotonic s)
        self.is_connected = self.has_heard = self.has_refused = self.is_dirty = self.is_full = False
        self.problem: str | None = None
        self.since = datetime.now(UTC)
        self.listens_since: float | None = None  # monotonic s; None while our own words do not come back
        self.is_live: set[str] = set()  # topics on which a command has come since the broker is back
        self.outbox = Outbox(self, self.settings.interval)
        self.forget()
        self.clear_gone()
        for _, entity_id in self.known.values():  # until its point has come
            self.put(f'{self.settings.base}/{entity_id}/availability', 'offline', qos=1)
        self.publish('connected', False)
        self.publish('entities', 0)
        self.listen()
        self.do(self.outbox.run())

    async def end(self) -> None:
        for subscription in self.subscriptions:
            subscription.cancel()
        for task in self.tasks:
            task.cancel()
        await asyncio.sleep(0)  # subscriptions end before new ones begin: a plugin may have 100
        self.save()

    async def say_offline(self, settings: Settings) -> None:
        try:
            async with asyncio.timeout(FAREWELL_LIMIT):
                await self.write(f'{settings.connection}/{settings.base}/status', 'offline', qos=1, retain=True)
        except (WriteFailed, PermissionDenied, TimeoutError) as error:
            self.log.warning('Home Assistant could not be told that we go offline: %s', error)

    def do(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def listen(self) -> None:
        mqtt, base, prefix = self.settings.connection, self.settings.base, self.settings.prefix
        wanted = [(f'{mqtt}/{base}/*/set', self.on_command), (f'{mqtt}/{base}/status', self.on_own_status),
                  (f'{mqtt}/{prefix}/status', self.on_birth),
                  *((glob, self.on_point) for glob in self.settings.globs)]  # fmt: skip
        self.subscriptions = [self.subscribe(glob, handler) for glob, handler in wanted]

    # what is there

    def on_point(self, point: Point) -> None:
        """A value, or its quality, has changed."""
        if point.id.startswith(f'{self.id}/'):
            return
        entity = self.entities.get(point.id) or self.adopted(point)
        if entity is None:
            return
        former, entity.point = entity.point, point
        is_other = former.unit != point.unit
        if is_other:
            self.announce(entity)
        self.show(entity, again=is_other)

    def adopted(self, point: Point) -> Entity | None:
        """The entity of a point that comes for the first time, if it becomes one."""
        choice = self.settings.choice_of(point.id)
        component = component_of(choice, point) if choice else ''
        if choice is None or not component:
            return None
        if len(self.entities) >= MOST:
            if not self.is_full:
                self.is_full = True
                self.event('warning', f'More than {MOST} points are chosen; the others are left out.')
            return None
        entity = self.entities[point.id] = Entity(self.settings, choice, component, point, self.version)
        self.by_object[entity.id] = entity
        self.remember(entity)
        self.announce(entity)
        self.publish('entities', len(self.entities))
        return entity

    def announce(self, entity: Entity) -> None:
        self.put(entity.config_topic, entity.config(), qos=1)

    def show(self, entity: Entity, again: bool = False) -> None:
        """State and availability, as far as they are known and not told yet."""
        again = again or self.available.get(entity.id) != entity.is_available
        if entity.is_available:
            self.show_state(entity, again)
        if again:
            self.available[entity.id] = entity.is_available
            self.put(entity.availability_topic, 'online' if entity.is_available else 'offline', qos=1)

    def show_state(self, entity: Entity, again: bool) -> None:
        """A device that repeats its value is no news, unless Home Assistant counts the time since the last."""
        state, now = entity.state(), time.monotonic()
        told, at = self.told.get(entity.id, (None, 0.0))
        is_old = 0 < self.settings.expire <= 2 * (now - at)
        if again or is_old or state != told:
            self.told[entity.id] = state, now
            self.put(entity.state_topic, state)

    def say_everything(self) -> None:
        """To a broker or a Home Assistant that may know nothing."""
        self.clear_gone()
        self.put(f'{self.settings.base}/status', 'online', qos=1)
        for entity in self.entities.values():
            self.announce(entity)
            self.show(entity, again=True)

    def clear_gone(self) -> None:
        for topic in self.gone:
            self.outbox.put(topic, '', 1)

    # what was announced before

    @property
    def target(self) -> list[str]:
        return [self.settings.connection, self.settings.prefix, self.settings.base]

    def forget(self) -> None:
        """Entities that are chosen no more, or differently, go from Home Assistant."""
        target, known = self.storage.get('target', self.target), self.storage.get('entities', {})
        connection, prefix, base = target
        self.gone = set(self.storage.get('gone', []))
        self.known: Known = {}
        for point_id, (component, entity_id) in known.items():
            config = f'{connection}/{config_topic(prefix, component, entity_id)}'
            if target == self.target and self.is_wanted(point_id, component):
                self.known[point_id] = [component, entity_id]
                self.gone.discard(config)
                continue
            self.gone.add(config)
            if target != self.target or self.settings.choice_of(point_id) is None:
                self.gone |= {f'{connection}/{base}/{entity_id}/{name}' for name in ('state', 'availability')}
        self.storage.set('target', self.target)
        names = {entity_id for _, entity_id in self.known.values()}
        commands: dict[str, Any] = self.storage.get('commands', {})
        self.commands = {topic: value for topic, value in commands.items() if topic.split('/')[-2] in names}
        self.is_dirty = True
        self.save()

    def is_wanted(self, point_id: str, component: str) -> bool:
        choice = self.settings.choice_of(point_id)
        if choice is None:
            return False
        return component == choice.component or (
            choice.component == 'auto' and (choice.control or component not in CONTROLS)
        )

    def remember(self, entity: Entity) -> None:
        component = self.known.get(entity.point.id, [entity.component])[0]
        self.known[entity.point.id] = [entity.component, entity.id]
        self.is_dirty = True
        self.gone -= {f'{self.settings.connection}/{topic}' for topic in
                      (entity.config_topic, entity.state_topic, entity.availability_topic)}  # fmt: skip
        if component != entity.component:
            former = f'{self.settings.connection}/{config_topic(self.settings.prefix, component, entity.id)}'
            self.gone.add(former)
            self.outbox.put(former, '', 1)

    def save(self) -> None:
        if self.is_dirty:
            self.is_dirty = False
            self.storage.set('entities', self.known)
            self.storage.set('gone', sorted(self.gone))
            self.storage.set('commands', self.commands)

    # the broker

    def put(self, topic: str, payload: Any, qos: int = 0) -> None:
        self.outbox.put(f'{self.settings.connection}/{topic}', payload, qos)

    async def write_topic(self, point_id: str, payload: Any, qos: int) -> None:
        await self.write(point_id, payload, qos=qos, retain=True)

    async def probe(self) -> None:
        await self.write_topic(f'{self.settings.connection}/{self.settings.base}/status', 'online', 1)

    def on_link(self, problem: str) -> None:
        """The link is up (''), or down and why. After it was down, everything is said again."""
        if not problem:
            self.say_everything()
            if not self.has_heard:
                self.do(self.check_listening())
        if problem == self.problem:
            return
        if problem:
            self.event('warning', f'Nothing can be sent to Home Assistant: {problem}')
        elif self.problem:
            self.event('info', 'Home Assistant is sent to again.')
        self.problem = problem
        self.is_connected = not problem
        self.publish('connected', self.is_connected)

    def on_sent(self, point_id: str) -> None:
        if point_id in self.gone:
            self.gone.discard(point_id)
            self.is_dirty = True

    def on_flushed(self) -> None:
        self.save()

    def on_refused(self, point_id: str, problem: str) -> None:
        self.told.pop(point_id.split('/')[-2], None)
        self.log.warning('%s could not be written: %s', point_id, problem)
        if not self.has_refused:
            self.has_refused = True  # a broker that refuses one may refuse a thousand
            self.event('warning', f'{point_id} could not be written: {problem}')
        self.on_sent(point_id)

    async def check_listening(self) -> None:
        await asyncio.sleep(LISTEN_LIMIT)
        if not self.has_heard:
            base, prefix = self.settings.base, self.settings.prefix
            self.event('warning', f'Commands of Home Assistant do not arrive: add the topics {base}/# and '
                                  f'{prefix}/status to {self.settings.connection}.')  # fmt: skip

    def on_own_status(self, point: Point) -> None:
        """Our own words, back from the broker: they grow stale when the link is lost."""
        self.has_heard = True
        if point.quality != 'good':
            self.listens_since = None
        elif self.listens_since is None:
            self.listens_since = time.monotonic()
        if point.quality != 'good' and self.is_connected:
            self.outbox.suspect()
        elif point.value == 'offline' and point.time >= self.since and self.is_connected:
            self.outbox.suspect()  # another one with the same base topic, or our own farewell from before

    def on_birth(self, point: Point) -> None:
        """Home Assistant has started."""
        if point.value == 'online' and point.quality == 'good' and point.time >= self.since:
            self.log.info('Home Assistant has started: it is told everything')
            self.say_everything()

    # commands

    def on_command(self, point: Point) -> None:
        """Only what came since we listen: a command from before a restart is not carried out again."""
        if point.quality != 'good':
            self.is_live.discard(point.id)
            return
        is_repeated = self.is_repeated(point)
        self.is_live.add(point.id)
        if self.commands.get(point.id) != point.value:
            self.commands[point.id] = point.value
            self.is_dirty = True
        if is_repeated or point.time < self.since:
            return
        entity = self.by_object.get(point.id.split('/')[-2])
        if entity is None or entity.component not in CONTROLS:
            self.event('warning', f'A command on {point.id} is for nothing that can be controlled.')
            return
        self.do(self.carry_out(entity, point.value))

    def is_repeated(self, point: Point) -> bool:
        """Whether it is most likely the broker's: it says again what it keeps when it is back, and nobody tells which
        that is."""
        is_back = self.listens_since is None or time.monotonic() - self.listens_since < SETTLED
        return is_back and point.id not in self.is_live and self.commands.get(point.id) == point.value

    async def carry_out(self, entity: Entity, payload: Any) -> None:
        try:
            await self.write(entity.point.id, entity.commanded(payload))
        except (BadCommand, WriteFailed, PermissionDenied) as error:
            self.event('warning', f'Home Assistant could not set {entity.point.id}: {error}', value=payload)
            self.show(entity, again=True)
