"""Products as agencies ship them: descriptions of sensors, finding products, their masks."""
