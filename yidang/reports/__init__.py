"""Documents written from the marts: every figure is asked for by metric and slice, none is typed."""
