"""Where pixels lie: grids, coordinates, areas, and resampling from one grid to another."""
