"""Radar images of Sentinel-1: from ground range detected products to calibrated map pixels."""
