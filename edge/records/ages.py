"""Ages that can be believed: the wall clock may be years off, and call itself synchronised."""

LEAP_S = 30 * 86400.0


def leap(before: object, after: object) -> float | None:
    """By how many seconds the clock went ahead between two things in a row; None where that is no wonder.

    ``before`` is the latest thing that is old enough to go, ``after`` the earliest one that is not, in
    wall-clock seconds. Where a month and more lies between them, the clock jumped, or nothing was done for
    so long: then all that is there would go at once. It is old enough without a doubt once things of the
    time after the leap are.
    """
    if not isinstance(before, int | float) or not isinstance(after, int | float):
        return None
    return after - before if after - before > LEAP_S else None
