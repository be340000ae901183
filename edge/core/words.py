"""Counts in words."""


def counted(number: int, what: str) -> str:
    """The number with what is counted: "1 image", "2 images", "2 classes"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}{'es' if what.endswith('s') else 's'}"


def first_and_more(names: list[str]) -> str:
    """The first of some names, and how many others there are."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
