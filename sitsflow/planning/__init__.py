"""Deciding a whole run from names and headers, before a pixel is read."""
