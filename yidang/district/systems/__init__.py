"""One writer per kind of system a department keeps: each turns the world into that system's own words and faults."""
