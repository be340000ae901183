"""Sizes that keep the shape of photographs, from small to as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import InputError
from trainer.input_size import Shape, Size, input_spec, sizes


def shape(width: float, height: float) -> Shape:
    return Shape(width=width, height=height, narrowest=width / height, widest=width / height, channels=1)


def test_square_photographs_get_squares_up_to_their_own_pixels() -> None:
    assert sizes(shape(512, 512)) == [Size(side, side) for side in (160, 224, 320, 448, 512)]
    assert sizes(shape(300, 300)) == [Size(160, 160), Size(224, 224), Size(304, 304)]


def test_small_photographs_get_the_smallest_size_alone() -> None:
    assert sizes(shape(100, 100)) == [Size(160, 160)]


def test_long_photographs_stay_long() -> None:
    found = sizes(shape(4096, 256))
    assert found[0] == Size(512, 32)
    assert found[-1] == Size(4096, 256)


@given(st.floats(40, 6000), st.floats(1 / 20, 20))
def test_every_size_keeps_the_shape_about_and_fits_the_maps(width: float, aspect: float) -> None:
    for size in sizes(shape(width, width / aspect)):
        assert size.width % 16 == size.height % 16 == 0
        assert min(size.width, size.height) >= 32
        assert 1 / 1.5 < size.width / size.height / aspect < 1.5


def test_photographs_forty_times_as_wide_as_high_are_refused_in_a_line() -> None:
    with pytest.raises(InputError, match="4000x100 pixels: expected one side at most 32 times the other"):
        sizes(shape(4000, 100))


def test_a_letterbox_stands_in_what_the_network_sees() -> None:
    assert input_spec(Size(320, 128), 3, "none", letterbox=True).fit == "letterbox"
    assert input_spec(Size(320, 128), 3, "none").fit == "stretch"
