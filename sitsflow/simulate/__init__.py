"""Seeded products of satellite sensors, in their real layout: for the demo, tests and benchmarks.

`run` checks and loops, `landscape` and `cover` make the ground, `weather` the sky, `scene` puts
them together; one module a sensor places its tiles and writes its files.
"""

from sitsflow.simulate.radar_options import RadarOptions
from sitsflow.simulate.run import SENSORS, SIMULATORS, simulate

__all__ = ["SENSORS", "SIMULATORS", "RadarOptions", "simulate"]
