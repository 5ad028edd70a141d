"""Measurements, never gates: what a map costs beside what GDAL's warper alone costs."""
