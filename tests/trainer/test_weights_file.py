"""Files of weights that would have others read, or gigabytes set aside."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from edge.core.errors import InputError
from trainer.weights import read_weights

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def write(path: Path, fill: Callable[[h5py.Group], object]) -> Path:
    """A file with one layer that has one array, ``w``."""
    with h5py.File(path, "w") as file:
        layer = file.create_group("dense")
        layer.attrs["weight_names"] = [b"w"]
        fill(layer)
    return path


def test_arrays_of_the_file_itself_are_read_also_below_further_groups(tmp_path: Path) -> None:
    def fill(layer: h5py.Group) -> None:
        layer.attrs["weight_names"] = [b"dense/kernel:0", b"w"]
        layer.create_dataset("dense/kernel:0", data=VALUES)
        layer.create_dataset("w", data=VALUES.astype(np.float16), compression="gzip")

    arrays = read_weights(write(tmp_path / "good.h5", fill)).arrays
    assert [array.dtype for array in arrays["dense"]] == [np.float32] * 2
    np.testing.assert_array_equal(arrays["dense"], [VALUES, VALUES])


def _external_storage(layer: h5py.Group) -> None:
    secret = Path(layer.file.filename).with_name("secret")
    secret.write_bytes(bytes(48))
    layer.create_dataset("w", (3, 4), np.float32, external=[(str(secret), 0, 48)])


def _other_file(layer: h5py.Group) -> Path:
    other = Path(layer.file.filename).with_name("other.h5")
    with h5py.File(other, "w") as file:
        file.create_dataset("w", data=VALUES)
    return other


def _external_link(layer: h5py.Group) -> None:
    layer["w"] = h5py.ExternalLink(str(_other_file(layer)), "/w")


def _soft_link(layer: h5py.Group) -> None:
    layer.file["away"] = h5py.ExternalLink(str(_other_file(layer)), "/")
    layer["w"] = h5py.SoftLink("/away/w")


def _virtual(layer: h5py.Group) -> None:
    layout = h5py.VirtualLayout((3, 4), np.float32)
    layout[:] = h5py.VirtualSource(str(_other_file(layer)), "w", (3, 4))
    layer.create_virtual_dataset("w", layout)


@pytest.mark.parametrize("fill", [_external_storage, _external_link, _soft_link, _virtual])
def test_what_lies_in_another_file_is_refused(tmp_path: Path, fill: Callable[[h5py.Group], None]) -> None:
    with pytest.raises(InputError, match=r"hostile\.h5: not an .h5 file of Keras weights \(.*(link|another)"):
        read_weights(write(tmp_path / "hostile.h5", fill))


def test_a_layer_that_lies_in_another_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "other.h5", lambda layer: layer.create_dataset("w", data=VALUES))
    with h5py.File(tmp_path / "hostile.h5", "w") as file:
        file["dense"] = h5py.ExternalLink("other.h5", "/dense")
    with pytest.raises(InputError, match="dense is a link"):
        read_weights(tmp_path / "hostile.h5")


def test_a_small_file_that_claims_gigabytes_is_refused_before_they_are_set_aside(tmp_path: Path) -> None:
    path = write(
        tmp_path / "vast.h5",
        lambda layer: layer.create_dataset("w", (60_000, 60_000), np.float32, chunks=(1000, 1000)),
    )
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match=r"vast\.h5: .*claims 14400000000 bytes of weights"):
        read_weights(path)


@pytest.mark.parametrize(
    "fill",
    [
        lambda layer: layer.attrs.__setitem__("weight_names", 7),
        lambda layer: layer.attrs.__delitem__("weight_names"),
        lambda layer: layer.create_dataset("w", data=np.array([b"text"])),
        lambda layer: layer.create_group("w"),
        lambda layer: layer.file.create_dataset("alone", data=VALUES),
    ],
)
def test_whatever_else_it_holds_it_is_read_or_refused_in_one_line(
    tmp_path: Path, fill: Callable[[h5py.Group], None]
) -> None:
    with pytest.raises(InputError, match=r"odd\.h5: not an .h5 file of Keras weights") as refused:
        read_weights(write(tmp_path / "odd.h5", fill))
    assert "\n" not in str(refused.value)
