"""The clock for people: cases of a file through the same models (`try`), one case day by day (`explain`)."""
