"""Ids, names and places that lead elsewhere, or that nothing can have."""

from rubbish.case import Case, copy, folder, replace, write

IDS = r"and Ids are names of files"


def rename(name):
    return replace("labels.csv", "i00,", f"{name},")


CASES = [
    Case("an Id that leads out of its folder", "train", "", rename("../../x"), rf"row 2: Id '\.\./\.\./x' begins with a dot.* {IDS}"),
    Case("an Id with a slash", "train", "", rename("a/b"), rf"row 2: Id 'a/b' holds '/', {IDS}"),
    Case("an Id with a backslash", "train", "", rename("a\\b"), rf"holds '.+', {IDS}"),
    Case("an absolute Id", "train", "", rename("/etc/passwd"), rf"Id '/etc/passwd' holds '/', {IDS}"),
    Case("an Id of nothing", "train", "", rename(" "), rf"row 2: Id '' is empty, {IDS}"),
    Case("an Id with an end of line", "train", "", rename('"a\nb"'), rf"holds '\\n', {IDS}"),
    Case("an Id with an escape", "train", "", rename("a\x1b[2Jb"), rf"holds '\\x1b', {IDS}"),
    Case("an Id of 300 letters", "train", "", rename("x" * 300), rf"is 300 bytes long.*, {IDS}"),
    Case("a raw Id that leads out of its folder", "prepare", "",
         replace("data/raw/HPAv18RBGY_wodpl.csv", "1_A1_1", "1_../../../x"), r"HPAv18RBGY_wodpl\.csv: 1 Ids cannot be names of files", True),
    Case("a raw Id with a slash", "prepare", "", replace("data/raw/train.csv", "i00", "a/b"), r"Id 'a/b' holds '/'"),
    Case("a run that leads out of its folder", "train", "run_name=../../x", None, r"run_name=\.\./\.\./x: give a name such as a"),
    Case("an absolute run", "train", "run_name=/tmp/x", None, r"run_name=/tmp/x: give a name such as a or a/b"),
    Case("a run without a name", "train", "run_name=", None, r"run_name=: give a name such as a or a/b"),
    Case("a file for the folder of a run", "train", "folder=labels.csv", None, r"labels\.csv: File exists; .* choose another"),
    Case("a file for the folder of results", "train", "paths.outputs=labels.csv", None, r"labels\.csv/.*Not a directory; .*choose"),
    Case("a number for a folder", "train", "folder=5", None, r"^folder=5: give a path such as \./name$"),
    Case("images in a file", "train", "images=labels.csv", None, r"there is no image folder labels\.csv"),
    Case("images nowhere", "predict", "images=nowhere", None, r"there is no image folder nowhere"),
    Case("predictions in place of a picture", "predict", "out=pictures/i00.parquet", copy("pictures/i00.tif", "pictures/i00.parquet"),
         r"pictures/i00\.parquet is there and is no prediction file: choose another"),
    Case("predictions in place of a table", "predict", "out=labels.csv", None, r"labels\.csv is there and is no table of predictions"),
    Case("predictions in place of a folder", "predict", "out=taken.csv", folder("taken.csv"), r"taken\.csv"),
    Case("predictions below a file", "predict", "out=labels.csv/x.parquet", None, r"labels\.csv/x\.parquet cannot be written"),
    Case("predictions under a name too long", "predict", f"out={'x' * 300}.csv", None, r"File name too long"),
    Case("an ensemble in place of a table", "combine", "output=truth.csv", None, r"truth\.csv is there and is no prediction file"),
    Case("answers of another origin", "submit", "output=given", None, r"given has no config\.yaml.*set output=DIR"),
    Case("answers below a file", "submit", "output=truth.csv/x", None, r"truth\.csv"),
    Case("a page of another origin", "report", "output=page", write("page/report.html", "mine"), r"page has no config\.yaml"),
    Case("a page below a file", "report", "output=truth.csv/x", None, r"truth\.csv"),
    Case("neighbours of another origin", "neighbours", "output=given", None, r"given has no config\.yaml.*set output=DIR"),
    Case("looks below a file", "check", "out=truth.csv/x.csv", None, r"truth\.csv/x\.csv cannot be written"),
    Case("an atlas below a file", "draw", "paths.root=truth.csv/x draw.fields=120", None, r"truth\.csv"),
]  # fmt: skip
