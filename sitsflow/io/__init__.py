"""Files: reading products, writing rasters whole or not at all, records, and where all lies."""
