"""Feature maps from satellite image time series: the science, free of any workflow engine.

Arrays inside this package are always ordered (date, band, row, col); user functions see
(row, col, date). A ``valid`` array is True where a pixel may be used. Days are integers
counted from 1970-01-01.
"""

from importlib.metadata import version

__version__ = version("sitsflow")
