"""Words that several parts of the status use."""


def count(number: int, one: str, many: str) -> str:
    """1 batch, 2 batches, 1,200 batches."""
    return f"{number:,} {one if number == 1 else many}"
