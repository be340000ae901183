"""The ways in which people keep photographs."""

from collections import Counter
from pathlib import Path

import pytest

from edge.core.errors import InputError
from edge.core.photographs.layouts import read_layout


def make(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image")
    return root


def found(root: Path) -> Counter[tuple[str, str | None]]:
    return Counter((item.label, item.part) for item in read_layout(root).items)


def test_class_folders(tmp_path: Path) -> None:
    make(tmp_path, "ok/1.png", "ok/deep/2.jpg", "hole/1.png", "ok/notes.txt", ".hidden/3.png")
    assert found(tmp_path) == {("ok", None): 2, ("hole", None): 1}


def test_train_and_test_folders(tmp_path: Path) -> None:
    make(tmp_path, "train/ok/1.png", "Test/ok/2.png", "Test/hole/3.png")
    assert found(tmp_path) == {("ok", "train"): 1, ("ok", "test"): 1, ("hole", "test"): 1}


def test_val_is_learned_from_and_said_to_be(tmp_path: Path) -> None:
    make(tmp_path, "train/ok/1.png", "valid/ok/2.png", "test/ok/3.png", "test/hole/3.png")
    assert found(tmp_path) == {("ok", "train"): 2, ("ok", "test"): 1, ("hole", "test"): 1}
    assert "train/ and valid/ are both learned from" in read_layout(tmp_path).recognised


def test_a_folder_with_test_alone(tmp_path: Path) -> None:
    make(tmp_path, "test/ok/1.png", "test/hole/1.png")
    assert found(tmp_path) == {("ok", "test"): 1, ("hole", "test"): 1}


def test_a_folder_of_masks_is_no_class_and_is_said(tmp_path: Path) -> None:
    make(tmp_path, "ok/1.png", "scratch/1.png", "masks/1.png")
    layout = read_layout(tmp_path)
    assert {item.label for item in layout.items} == {"ok", "scratch"}
    assert layout.recognised == "2 class folders; masks left out as no class"


def test_images_beside_the_class_folders_are_counted(tmp_path: Path) -> None:
    make(tmp_path, "ok/1.png", "hole/1.png", "stray.png", "notes.txt")
    assert read_layout(tmp_path).recognised == "2 class folders; 1 image beside them left out"


def test_mvtec_with_its_masks(tmp_path: Path) -> None:
    make(
        tmp_path,
        "train/good/000.png",
        "test/good/000.png",
        "test/hole/000.png",
        "ground_truth/hole/000_mask.png",
    )
    layout = read_layout(tmp_path)
    assert "MVTec" in layout.recognised
    assert found(tmp_path) == {("good", "train"): 1, ("good", "test"): 1, ("hole", "test"): 1}
    masks = [item.mask for item in layout.items if item.mask]
    assert masks == [tmp_path / "ground_truth" / "hole" / "000_mask.png"]


@pytest.mark.parametrize("root", [".", "Class1"])
def test_dagm(tmp_path: Path, root: str) -> None:
    for part in ("Train", "Test"):
        make(
            tmp_path,
            f"Class1/{part}/0001.PNG",
            f"Class1/{part}/0002.PNG",
            f"Class1/{part}/Label/0002_label.PNG",
        )
        (tmp_path / "Class1" / part / "Label" / "Labels.txt").write_text(
            "1\n0001 0 0001.PNG 0 0\n0002 1 0002.PNG 0 0002_label.PNG\n"
        )
    assert found(tmp_path / root) == {
        (label, part): 1 for label in ("ok", "defect") for part in ("train", "test")
    }
    assert sum(item.mask is not None for item in read_layout(tmp_path / root).items) == 2


def test_file_names_that_begin_with_the_class(tmp_path: Path) -> None:
    make(tmp_path, "crazing_1.jpg", "crazing_10.jpg", "rolled-in_scale_1.jpg", "rolled-in_scale_2.jpg")
    assert found(tmp_path) == {("crazing", None): 2, ("rolled-in_scale", None): 2}


def test_a_csv_file(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label,split\na/1.png,ok,train\na/2.png,hole,Test\n")
    layout = read_layout(tmp_path / "labels.csv")
    assert [(item.path, item.label, item.part) for item in layout.items] == [
        (tmp_path / "a" / "1.png", "ok", "train"),
        (tmp_path / "a" / "2.png", "hole", "test"),
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((), "holds no images"),
        (("ok/1.png", "empty/notes.txt"), "empty: holds no images"),
        (("1.png", "2.png"), "no class folders"),
        (("ok/1.png", "hole/1.gif"), r"hole: holds no images \(.*\.png"),
        (("train/1.png", "test/2.png"), "test: holds no class folders"),
        (
            ("can/train/ok/1.png", "lid/train/ok/1.png"),
            "can/ and lid/ are no classes but hold train; expected one of them, such as .*can",
        ),
        (("A/Train/Label/Labels.txt",), "Labels.txt: not a list of labels"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path: Path, files: tuple[str, ...], said: str) -> None:
    make(tmp_path, *files)
    with pytest.raises(InputError, match=said):
        read_layout(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "must name the columns file and label, not a, b"),
        ("file,label\nx.png,\n", "row 1 below the first line"),
        ("file,label\nx.png,ok\nx.png\n", "row 2 below the first line: expected a file and a label"),
        ("file,label\nx.png,ok\nx.png,hole\n", "row 2 .*x.png stands above already"),
        ("file,label\n", "no line below its first"),
        ("file,label,split\nx.png,ok,maybe\n", "split maybe"),
        ("", "must name the columns"),
    ],
)
def test_a_wrong_csv_file_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_layout(tmp_path / "labels.csv")


@pytest.mark.parametrize(
    "text",
    [
        "file;label\na/1.png;ok\n",
        "file\tlabel\r\na/1.png\tok\r\n",
        '\ufeff"File","Label"\n"a/1.png","ok"\n',
        " file , label \n\n a/1.png , ok \n\n",
        "id,file,label,operator\n1,a/1.png,ok,me\n",
        "file,label\na\\1.png,ok\n",
    ],
)
def test_a_csv_file_as_spreadsheets_write_it(tmp_path: Path, text: str) -> None:
    make(tmp_path, "a/1.png")
    (tmp_path / "labels.csv").write_text(text, newline="")
    (item,) = read_layout(tmp_path / "labels.csv").items
    assert (item.path, item.label) == (tmp_path / "a" / "1.png", "ok")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("file,label\nx.png,geprüft\n".encode("latin-1"), "is not UTF-8"),
        (b"file,label\n" + b"a" * 200_000 + b",ok\n", "not a CSV file that can be read"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_with_the_reason(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_layout(tmp_path / "labels.csv")
