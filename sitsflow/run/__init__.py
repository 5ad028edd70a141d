"""The output folder of a run: its jobs, their status, its lock, its summary, cleaning."""
