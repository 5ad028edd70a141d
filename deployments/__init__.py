"""Examples of runs, and the script that registers blocks, limits and pools."""
