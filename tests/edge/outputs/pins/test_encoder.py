"""The movement of the belt by the edges of a line."""

from edge.outputs.pins.encoder import EdgeCounter
from edge.trigger.inputs import Edge


def test_edges_are_counted_with_the_time_of_the_last() -> None:
    counter = EdgeCounter()
    assert counter.add([Edge(1.0, 1), Edge(1.1, 2)], 1.2) == (2, 1.1)
    assert counter.add([Edge(1.3, 3)], 1.4) == (3, 1.3)


def test_edges_that_the_kernel_had_no_room_for_are_counted_too() -> None:
    counter = EdgeCounter()
    counter.add([Edge(1.0, 1)], 1.0)
    assert counter.add([Edge(1.1, 5001), Edge(1.2, 5002)], 1.2) == (5002, 1.2)


def test_the_kernels_numbers_may_begin_again() -> None:
    counter = EdgeCounter()
    counter.add([Edge(1.0, 2**32 - 1)], 1.0)
    assert counter.add([Edge(1.1, 3)], 1.1) == (5, 1.1)


def test_after_the_line_was_requested_anew_the_count_goes_on() -> None:
    counter = EdgeCounter()
    counter.add([Edge(1.0, 1), Edge(1.0, 40)], 1.0)
    counter.reopened()
    assert counter.add([Edge(2.0, 1)], 2.0) == (41, 2.0)


def test_a_line_without_edges_is_a_belt_that_stands() -> None:
    counter = EdgeCounter()
    counter.add([Edge(1.0, 1)], 1.0)
    assert counter.add([], 9.0) == (1, 9.0)


def test_parts_that_come_though_nothing_is_counted_mean_a_broken_wire() -> None:
    counter = EdgeCounter()
    counter.add([Edge(1.0, 1)], 1.0)
    counter.part_seen()
    assert counter.add([], 1.1) == (1, 1.1), "the belt moved before this part"
    counter.part_seen()
    assert counter.add([], 1.2) is None
    assert counter.add([Edge(2.0, 2)], 2.1) == (2, 2.0), "until it counts again"


def test_a_wire_that_was_broken_from_the_start_is_noticed_with_the_first_part() -> None:
    counter = EdgeCounter()
    assert counter.add([], 0.0) == (0, 0.0)
    counter.part_seen()
    assert counter.add([], 0.1) is None
