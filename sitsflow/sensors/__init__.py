"""Sensors as data: one strict YAML file each, checked by :mod:`sitsflow.sensors.model`."""

from sitsflow.sensors.model import Band, Mask, Sensor, load_sensors

__all__ = ["Band", "Mask", "Sensor", "load_sensors"]
