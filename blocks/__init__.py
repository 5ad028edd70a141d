"""What a run is asked to do, and where: Prefect blocks and the files that fill them."""
