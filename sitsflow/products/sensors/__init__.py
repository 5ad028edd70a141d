"""Sensors as data: one strict YAML file each, checked by :mod:`sitsflow.products.sensors.model`."""

from sitsflow.products.sensors.model import Band, Mask, Sensor, load_sensors

__all__ = ["Band", "Mask", "Sensor", "load_sensors"]
