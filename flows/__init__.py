"""The order of the steps, and the command that starts them."""
