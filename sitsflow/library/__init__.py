"""Maps in a notebook or a script: arrays and tables of any place, without a workflow engine."""
