"""Words that several parts of the status use."""


def batches(number: int) -> str:
    return f"{number} batch" if number == 1 else f"{number} batches"
