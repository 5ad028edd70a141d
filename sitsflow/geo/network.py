"""How GDAL is kept from the network: rasters and vector files may refer to others anywhere."""

from __future__ import annotations

NETWORK_OFF = {
    # GDAL has no switch for its network file systems. No address has this name, so that none of
    # them opens a file.
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none",
    # Where drivers such as WMS would go: nobody listens there.
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
}
"""Options of GDAL's configuration."""
