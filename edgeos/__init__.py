"""SmartHome Edge OS: connections to PLCs, Bluetooth devices and MQTT brokers, watched and routed on the edge."""
__version__ = '0.1.0'
NAME = 'SmartHome Edge OS'
