"""A pixel's series: observations, gap filling between valid dates, spectral indices."""
