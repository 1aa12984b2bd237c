"""Sorts a list by comparing its items."""


# EVOLVE-BLOCK-START
def sort(items: list) -> None:
    """Sort in place; an item can only be compared with another one."""
    n = len(items)
    for end in range(n, 0, -1):
        swaps = 0
        for at in range(n - 1):
            if items[at + 1] < items[at]:
                items[at], items[at + 1] = items[at + 1], items[at]
                swaps += 1


# EVOLVE-BLOCK-END
