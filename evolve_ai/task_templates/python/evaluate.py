"""Scores program.py: how many comparisons it needs to sort, on average."""

import importlib.util
import random

LISTS = 40
LONGEST = 40


class Item:
    """A number that counts how often it is compared, and can do nothing else."""

    comparisons = 0

    def __init__(self, number):
        self.__number = number

    def __lt__(self, other):
        Item.comparisons += 1
        return self.__number < other.__number

    def number(self):
        return self.__number


def evaluate(program, seed=0):
    sort = load(program).sort
    rng = random.Random(seed)
    total = 0
    for _ in range(LISTS):
        numbers = [rng.randrange(1000) for _ in range(rng.randint(2, LONGEST))]
        items = [Item(number) for number in numbers]
        Item.comparisons = 0
        sort(items)
        total += Item.comparisons
        if [Item.number(item) for item in items] != sorted(numbers):
            return {"correct": False, "error": f"{numbers} is not sorted"}
    return {"correct": True, "comparisons": total / LISTS}


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
