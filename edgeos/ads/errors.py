"""ADS error numbers and PLC states that decide something, for both sides of the worker."""

DEAD = -1  # AdsLib's own: the socket is gone and stays so
NO_SUCH_PORT = 6  # target port not found
NO_SUCH_MACHINE = 7  # target machine not found
NOT_SUPPORTED = frozenset((0x701, 0x702))  # service, index group
INVALID_SIZE = 0x705
INVALID_DATA = 0x706
NO_ANSWER = 0x745  # 1861: no answer in time

RUN, CONFIG = 5, 15  # ADS states
