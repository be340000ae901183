"""The ways in which people keep photographs."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from edge.core.errors import InputError
from edge.core.photographs.layouts import read_layout, read_photographs, refuse_inside
from tests.edge.core.photographs.drawings import masks, numbered, photographs


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


@pytest.mark.parametrize(
    ("files", "inner"),
    [
        (("cap/ok/1.png", "cap/dent/2.png", "lid/ok/1.png", "lid/dent/2.png"), "cap"),
        (("a/Data/Images/Normal/1.JPG", "a/Data/Images/Anomaly/2.JPG", "b/Data/Images/Normal/1.JPG"), "a"),
        (("set/gut/lot1/1.png", "set/Kratzer/2.png", "ok/1.png"), "set"),
        (("train/left/good/1.png", "train/left/bad/1.png", "train/right/good/1.png"), "train/left"),
        (tuple(f"{p}/{c}/1.png" for p in ("alu", "steel") for c in ("crazing", "patches")), "alu"),
        (tuple(f"{p}/imgs/{c}/1.png" for p in ("Decks", "Walls") for c in (f"C{p}", f"U{p}")), "Decks"),
        (tuple(f"train/{p}/{c}/1.png" for p in ("a", "b") for c in ("Kratzer", "Beule")), "train/a"),
        (("alu/crazing/1.png", "alu/patches/1.png", "steel/1.png"), "alu"),
        (
            tuple(f"line{n}/{p}/{c}/1.png" for n in "12" for p in ("cap", "lid") for c in ("ok", "dent")),
            "line1/cap",
        ),
        (tuple(f"{n}/{p}/{c}/1.png" for n in "AB" for p in ("x", "y") for c in ("good", "bad")), "A/x"),
    ],
)
def test_products_above_classes_are_refused_with_the_inner_folder(
    tmp_path: Path, files: tuple[str, ...], inner: str
) -> None:
    make(tmp_path, *files)
    for read in (read_layout, read_photographs):
        with pytest.raises(InputError, match=f"no class.*expected .*{re.escape(str(tmp_path / inner))}$"):
            read(tmp_path)


@pytest.mark.parametrize(
    ("files", "labels", "said"),
    [
        (("photos/ok/1.png", "photos/dent/1.png"), {"ok", "dent"}, "2 class folders in photos/"),
        (("a/b/ok/1.png", "a/b/dent/1.png", "a/notes.txt"), {"ok", "dent"}, "2 class folders in a/b/"),
        (("set/train/ok/1.png", "set/test/dent/1.png"), {"ok", "dent"}, "in test/ and train/ in set/"),
        (
            tuple(f"{p}/images/{c}/1.jpg" for p in ("train", "validation") for c in ("crazing", "patches")),
            {"crazing", "patches"},
            "class folders in train/images/ and validation/images/",
        ),
        (("images/ok/1.png", "images/dent/1.png", "masks/dent/1.png"), {"ok", "dent"}, "in images/"),
    ],
)
def test_a_folder_that_only_wraps_the_others_is_entered_and_said(
    tmp_path: Path, files: tuple[str, ...], labels: set[str], said: str
) -> None:
    make(tmp_path, *files)
    layout = read_layout(tmp_path)
    assert {item.label for item in layout.items} == labels
    assert said in layout.recognised
    assert layout.file(layout.items[0]).startswith(files[0].split("/", maxsplit=1)[0])


@pytest.mark.parametrize("files", [("ok/1.png", "ok/2.png"), ("Free/Imgs/1.png", "Free/Imgs/2.png")])
def test_one_class_folder_is_no_wrapper(tmp_path: Path, files: tuple[str, ...]) -> None:
    make(tmp_path, *files)
    assert {item.label for item in read_layout(tmp_path).items} == {files[0].split("/", maxsplit=1)[0]}


def test_folders_inside_a_class_belong_to_it(tmp_path: Path) -> None:
    make(tmp_path, "MT_Free/Imgs/1.jpg", "MT_Crack/Imgs/1.jpg", "MT_Crack/more/deep/2.jpg")
    assert found(tmp_path) == {("MT_Free", None): 1, ("MT_Crack", None): 2}


@pytest.mark.parametrize(
    "inner", [("2026-11-30", "2026-12-01"), ("lot1", "lot2"), ("left", "right"), ("cam A", "cam B")]
)
def test_lots_days_and_cameras_inside_of_classes_are_no_kinds(tmp_path: Path, inner: tuple[str, ...]) -> None:
    make(tmp_path, *(f"{kind}/{one}/1.png" for kind in ("crazing", "patches") for one in inner))
    assert found(tmp_path) == {("crazing", None): 2, ("patches", None): 2}


def test_beside_ok_parts_folders_are_classes_whatever_they_hold(tmp_path: Path) -> None:
    make(tmp_path, "ok/1.png", "surface/dent/1.png", "surface/scratch/1.png")
    assert found(tmp_path) == {("ok", None): 1, ("surface", None): 2}


@pytest.mark.parametrize("twins", [("dent", "DENT"), ("Dent", "dent "), ("Größe", "GRÖSSE")])
def test_classes_that_differ_by_case_or_blanks_are_one(tmp_path: Path, twins: tuple[str, str]) -> None:
    make(tmp_path, "ok/1.png", f"{twins[0]}/1.png", f"{twins[1]}/2.png", f"{twins[1]}/3.png")
    assert found(tmp_path) == {("ok", None): 1, (twins[1], None): 3}
    recognised = read_layout(tmp_path).recognised
    assert recognised.startswith("2 class folders; ")
    assert recognised.endswith(f"read as one class, {twins[1]}")


def test_so_are_those_of_train_and_test_and_of_a_csv_file(tmp_path: Path) -> None:
    make(tmp_path, "train/OK/1.png", "train/dent/1.png", "test/ok/1.png", "test/Dent/1.png")
    assert {item.label for item in read_layout(tmp_path).items} == {"OK", "Dent"}
    (tmp_path / "labels.csv").write_text("file,label\ntrain/OK/1.png,OK\ntest/ok/1.png,ok\n")
    assert {item.label for item in read_layout(tmp_path / "labels.csv").items} == {"OK"}


MESSAGE = '{"schema":"linegate.verdict.v1","verdict":"ok","station":"line1"}'
STEMS = ("20261121T100000000Z-a1b2-1", "20261121T100001000Z-a1b2-2", "20261122T100001000Z-a1b2-3")


def archive(root: Path, *, with_messages: bool = True) -> Path:
    for stem, verdict in zip(STEMS, ("ok", "defect", "ok"), strict=True):
        make(root, f"{stem[:8]}/{verdict}/{stem}.png")
        if with_messages:
            (root / stem[:8] / verdict / f"{stem}.json").write_text(MESSAGE)
    return root


@pytest.mark.parametrize("with_messages", [True, False])
def test_the_folders_of_a_station_s_archive_are_no_labels(tmp_path: Path, *, with_messages: bool) -> None:
    archive(tmp_path, with_messages=with_messages)
    heat = tmp_path / "20261121" / "defect" / f"{STEMS[1]}.heat.png"
    make(tmp_path, str(heat.relative_to(tmp_path)))
    assert [str(one) for one in read_photographs(tmp_path).left_out if not str(one).count("json")] == [
        f"{heat.relative_to(tmp_path)}: heatmaps of a station, not photographs"
    ]
    assert [stray.is_archived for stray in read_photographs(tmp_path).strays] == [True] * 3
    for folder in (tmp_path, tmp_path / "20261121"):
        with pytest.raises(InputError, match=r"is a station's archive; its folders are verdicts"):
            read_layout(folder)


def test_archived_pictures_among_labelled_ones_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "ok/1.png", "dent/1.png", "dent/2.png")
    (tmp_path / "dent" / "2.json").write_text(MESSAGE)
    (tmp_path / "ok" / "1.json").write_text('{"shapes": []}')  # what other tools keep beside pictures
    assert found(tmp_path) == {("ok", None): 1, ("dent", None): 1}
    assert "pictures of a station's archive" in str(read_layout(tmp_path).unused[-1])


def test_a_picture_that_a_person_moved_without_its_message_is_labelled(tmp_path: Path) -> None:
    make(
        tmp_path,
        f"ok/{STEMS[0]}.png",
        f"dent/{STEMS[1]}.png",
        f"dent/{STEMS[1]}.heat.png",
        "dent/a-7.HEAT.PNG",
    )
    assert found(tmp_path) == {("ok", None): 1, ("dent", None): 1}


def test_a_class_in_two_normal_forms_is_one(tmp_path: Path) -> None:
    twins = [unicodedata.normalize(form, "Kratzer-ä") for form in ("NFC", "NFD")]
    make(tmp_path, "ok/1.png", f"{twins[0]}/1.png", f"{twins[1]}/2.png")
    assert found(tmp_path) == {("ok", None): 1, (twins[0], None): 2}
    assert f"{twins[0]} is spelled in two ways, and read as one class" in read_layout(tmp_path).recognised


def test_a_csv_file_names_files_and_labels_in_any_normal_form(tmp_path: Path) -> None:
    nfc, nfd = (unicodedata.normalize(form, "Größe") for form in ("NFC", "NFD"))
    make(tmp_path, f"{nfd}/1.png", "ok/2.PNG")
    (tmp_path / "labels.csv").write_text(f"file,label\n{nfc}/1.png,{nfd}\nok/2.png,ok\n", encoding="utf-8")
    items = read_layout(tmp_path / "labels.csv").items
    assert [(item.path, item.label) for item in items] == [
        (tmp_path / nfd / "1.png", nfc),
        (tmp_path / "ok" / "2.PNG", "ok"),
    ]
    (tmp_path / "labels.csv").write_text(f"file,label\n{nfc}/1.png,ok\n{nfd}/1.png,ok\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 2 .* stands above already"):
        read_layout(tmp_path / "labels.csv")


def test_photographs_beside_the_classes_are_counted_with_the_reason(tmp_path: Path) -> None:
    make(tmp_path, "ok/1.png", "dent/1.png", "stray.png", "dent/2.heic")
    layout = read_layout(tmp_path)
    assert sorted(str(one) for one in layout.unused) == [
        "dent/2.heic: .heic files are not read",
        "stray.png: photographs in no class folder",
    ]


def test_what_tells_no_labels_is_read_by_those_who_need_none(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png")
    layout = read_photographs(tmp_path)
    assert (layout.items, [stray.path.name for stray in layout.strays]) == ([], ["a.png", "b.png"])


def test_a_folder_that_holds_runs_alone_is_no_class(tmp_path: Path) -> None:
    make(tmp_path, "ok/1.png", "dent/1.png", "runs/monday/run.json", "runs/monday/confusion.png")
    assert found(tmp_path) == {("ok", None): 1, ("dent", None): 1}


@pytest.mark.parametrize("out", ["data", "data/run", "data/ok/../runs/1"])
def test_what_is_written_may_not_lie_among_the_photographs(tmp_path: Path, out: str) -> None:
    make(tmp_path / "data", "ok/1.png")
    with pytest.raises(InputError, match=r"--out .*lies in .*; expected a folder outside"):
        refuse_inside(tmp_path / out, tmp_path / "data", "--out")
    refuse_inside(tmp_path / "database", tmp_path / "data", "--out")


@pytest.mark.parametrize("folder", ["dent_GT", "annotated", "Dent masks/dent"])
def test_a_folder_of_masks_alone_is_no_class_without_photographs(tmp_path: Path, folder: str) -> None:
    make(tmp_path, "ok/1.png")
    photographs(tmp_path / "dent", *numbered(".png", 3))
    masks(tmp_path / folder, *numbered(".png", 3))
    assert found(tmp_path) == {("ok", None): 1, ("dent", None): 3}


@pytest.mark.parametrize("folder", ["@eaDir/ok", "__MACOSX/data/ok", "ok/$RECYCLE.BIN"])
def test_folders_of_operating_systems_are_no_classes_and_counted(tmp_path: Path, folder: str) -> None:
    make(tmp_path, "ok/1.png", "dent/1.png", f"{folder}/1.png")
    layout = read_layout(tmp_path)
    assert {item.label for item in layout.items} == {"ok", "dent"}
    assert "of an operating system" in str(layout.unused[-1])
