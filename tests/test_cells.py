"""The command cells: masks made and brought, answers, the truth, bad input, kills."""

import json
import shutil
import sys

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from omegaconf import OmegaConf
from PIL import Image
from small_cellpose import cones, save_weights
from small_run import DECISION, LABELS, save_run

from hpa_lit import cells, combine, neighbours, report, train
from hpa_lit.figures.pictures import brightened
from hpa_lit.files import label_image, prediction_csv, prediction_file, rgby
from hpa_lit.files.cell_tree import CellTree
from hpa_lit.files.tree import RunTree
from hpa_lit.inference import answered, describe
from hpa_lit.results.decision import Decision
from hpa_lit.segmentation.regions import regions
from hpa_lit.synthetic.field import draw_cells

SIDE = 160  # of the fields here


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Start the command in an empty folder, with a small network and three fields."""
    monkeypatch.chdir(tmp_path)
    save_run(tmp_path / "run", decision=DECISION, image_size=128, crop_size=64)
    (tmp_path / "fields").mkdir()
    for number in range(3):
        field = draw_cells([0, 25], SIDE, np.random.default_rng([4, number]))
        rgby.write(tmp_path / "fields" / f"f{number}.tif", field.image, f"f{number}")

    def start(*words):
        given = {word.partition("=")[0] for word in words}
        usual = [word for word in ("run=run", "out=out") if word.partition("=")[0] not in given]
        arguments = ["trainer=cpu", "workers=1", "images=fields", *usual, *words]
        monkeypatch.setattr(sys, "argv", ["hpa-lit cells", *arguments])
        cells.main()
        out = next((word for word in words if word.startswith("out=")), "out=out")
        return CellTree(tmp_path / out.removeprefix("out="))

    return start


def refused(run, capsys, *words):
    """The message that the command ends with."""
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2
    return capsys.readouterr().err


def brought(folder, **masks):
    """Write label images as Cellpose names them."""
    folder.mkdir(exist_ok=True)
    for name, mask in masks.items():
        cv2.imwrite(str(folder / f"{name}_cp_masks.png"), mask)


def blocks(side=SIDE):
    """A mask of four cells."""
    mask = np.zeros((side, side), np.uint16)
    for number, (top, left) in enumerate([(10, 10), (10, 90), (90, 10), (90, 90)], 1):
        mask[top : top + 50, left : left + 50] = number
    return mask


def test_fields_become_cells_with_answers(run, tmp_path, capsys):
    out = run()
    said = capsys.readouterr().out
    fields, table = pd.read_csv(out.table("fields")), pd.read_csv(out.table("cells"), keep_default_na=False)
    assert fields["Id"].tolist() == ["f0", "f1", "f2"]
    assert f"{len(table)} cells in 3 of 3 fields" in said
    limits = np.array(DECISION.thresholds)
    alone, whole = prediction_file.read(out.cells), prediction_file.read(out.fields)
    one, all_of_it = (DECISION.calibrated(p.probabilities) for p in (alone, whole))
    for row, (image_id, cell) in enumerate(zip(table["Id"], table["cell_number"], strict=True)):
        field = ["f0", "f1", "f2"].index(table["field"][row])
        assert image_id == f"f{field}/{cell}"
        np.testing.assert_allclose(table.loc[row, LABELS].astype(float), one[row] * all_of_it[field], rtol=1e-4)
        given = set(filter(None, table["locations"][row].split(", ")))
        theirs = set(fields["locations"][field].split(", "))
        assert given == {name for name, p, t in zip(LABELS, one[row], limits, strict=True) if p > t} & theirs
        mask = label_image.read(out.mask(f"f{field}"))
        rows, _ = np.nonzero(mask == cell)
        assert table["pixels"][row] == len(rows)
        assert table["centre_y"][row] == pytest.approx(rows.mean(), rel=1e-4)
        with Image.open(out.outlines(f"f{field}")) as picture:
            assert picture.size[0] == SIDE
    assert fields["cell_count"].tolist() == [int((table["field"] == i).sum()) for i in fields["Id"]]
    assert prediction_csv.read(out.table("cells")).labels == tuple(LABELS)


def test_a_cell_is_seen_by_the_network_as_its_square_is(run, tmp_path):
    out = run("features=true", "side=48")
    found = prediction_file.read(out.cells)
    _, net = save_run(tmp_path / "again", image_size=128, crop_size=64)
    import torch

    for row, image_id in enumerate(found.ids):
        planes = tifffile.imread(out.images / f"{image_id}.tif")
        assert planes.shape == (4, 48, 48)
        with torch.no_grad():
            expected = net(torch.from_numpy(planes[None])).sigmoid().numpy()
        np.testing.assert_allclose(found.probabilities[row], expected, atol=1e-5)
    assert found.features.shape[2] == 512


def test_masks_of_others_are_taken_as_they_are(run, tmp_path, capsys):
    brought(tmp_path / "masks", f0=blocks(), f1=blocks(), f2=blocks())
    out = run("masks=masks", "others=mask")
    assert "12 cells in 3 of 3 fields" in capsys.readouterr().out
    np.testing.assert_array_equal(label_image.read(out.mask("f1")), blocks())
    image = rgby.read(rgby.list_images(tmp_path / "fields")["f1"])
    seen = np.stack([rgby.resize(np.ascontiguousarray(image[:, :, k]), 128) for k in range(4)])
    square = tifffile.imread(out.images / "f1" / "4.tif")  # 40 x 40 of 128 x 128 from 72 on
    np.testing.assert_array_equal(square[:, 12:52, 12:52], seen[:, 72:112, 72:112])
    assert not square[:, :12].any()


def test_the_truth_of_a_drawn_field_scores_one_where_masks_are_the_truth(run, tmp_path, capsys):
    truth, rows = tmp_path / "hidden", []
    (truth / "cells").mkdir(parents=True)
    for number in range(3):
        label_image.write(truth / "cells" / f"f{number}.tif", blocks())
        rows += [(f"f{number}", cell, "0 2" if cell == 1 else "") for cell in range(1, 5)]
    pd.DataFrame(rows, columns=["Id", "cell", "Target"]).to_csv(truth / "cells.csv", index=False)
    out = run(f"masks={truth}/cells", f"truth={truth}")
    assert "3 fields with 12 cells, 12 found: segmentation precision 1.000" in capsys.readouterr().out
    scores = json.loads(out.scores.read_text())
    assert scores["segmentation_precision"] == 1
    assert [row["cells"] for row in scores["labels"]] == [3, 0, 3]
    assert [row["average_precision"] is None for row in scores["labels"]] == [False, True, False]


def test_what_known_cells_teach_is_used_for_others(run, tmp_path, capsys):
    truth, rng = tmp_path / "hidden", np.random.default_rng(0)
    (truth / "cells").mkdir(parents=True)
    rows = []
    drawn = [draw_cells([0], SIDE, np.random.default_rng([4, number])).image for number in range(3)]
    for number in range(20):
        image = np.rot90(drawn[number % 3], number // 3).copy()  # four ways to turn, and some fields twice
        rgby.write(tmp_path / "fields" / f"f{number}.tif", image, f"f{number}")
        label_image.write(truth / "cells" / f"f{number}.tif", blocks())
        rows += [(f"f{number}", cell, str(rng.integers(3))) for cell in range(1, 5)]
    pd.DataFrame(rows, columns=["Id", "cell", "Target"]).to_csv(truth / "cells.csv", index=False)
    known = run(f"masks={truth}/cells", f"truth={truth}", "outlines=false")
    assert "for other fields decision=out/decision.json: probabilities are " in capsys.readouterr().out
    decision = Decision.read(known.decision, LABELS)
    assert (decision.images, decision.dataset) == (80, "cells")

    again = run(f"masks={truth}/cells", f"truth={truth}", "outlines=false", f"decision={known.decision}", "out=two")
    before, after = (pd.read_csv(tree.table("cells"), keep_default_na=False) for tree in (known, again))
    expected = decision.calibrated(before[LABELS].to_numpy(float))
    np.testing.assert_allclose(after[LABELS].to_numpy(float), expected, atol=1e-4)
    fields = pd.read_csv(again.table("fields")).set_index("Id")["locations"].str.split(", ")
    for field, words, probs in zip(after["field"], after["locations"], expected, strict=True):
        passing = {name for name, p, t in zip(LABELS, probs, decision.thresholds, strict=True) if p > t}
        assert set(filter(None, words.split(", "))) == passing & set(fields[field])
    errors = [json.loads(tree.scores.read_text())["calibration_error"] for tree in (known, again)]
    assert errors[1] < errors[0]


def test_a_decision_of_another_kind_is_refused(run, tmp_path, capsys):
    assert "no.json does not exist" in refused(run, capsys, "decision=no.json")
    (tmp_path / "cutting.json").write_text('{"size": 128}')
    assert "cutting.json holds no decision" in refused(run, capsys, "decision=cutting.json")
    other = DECISION.model_copy(update={"labels": ("x", "y", "z")})
    (tmp_path / "other.json").write_text(json.dumps(other.to_plain()))
    assert "other.json is about x, y, z, and not about bright" in refused(run, capsys, "decision=other.json")
    run()


def test_what_a_mask_cannot_be_is_said_and_the_other_fields_go_on(run, tmp_path, capsys):
    many = (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) // 2).astype(np.uint16)
    brought(tmp_path / "masks", f0=blocks(90), f1=blocks(), f2=many)
    message = refused(run, capsys, "masks=masks")
    out = CellTree(tmp_path / "out")
    table = pd.read_csv(out.table("fields"), keep_default_na=False)
    assert table["cell_count"].tolist() == [0, 4, 0]
    assert "has 90 x 90 pixels and its field 160 x 160" in table["remark"][0]
    assert "12799 cells, and a field 1000 at most" in table["remark"][2]
    for remark in table["remark"][[0, 2]]:
        assert remark in message
    assert len(pd.read_csv(out.table("cells"))) == 4


@pytest.mark.parametrize("damage", ["no mask", "empty mask", "no nucleus", "damaged"])
def test_a_field_without_cells_is_named(run, tmp_path, capsys, damage):
    words, said = (
        ["masks=masks"],
        {"no mask": "there is no mask of this Id in masks", "empty mask": "its mask is empty"},
    )
    masks = {"f0": blocks(), "f1": blocks()} | ({"f2": blocks() * 0} if damage == "empty mask" else {})
    if damage in said:
        brought(tmp_path / "masks", **masks)
    else:
        words, path = [], tmp_path / "fields" / "f2.tif"
        if damage == "damaged":
            path.write_bytes(path.read_bytes()[:500])
        else:
            field = rgby.read({rgby.STACK: path})
            field[:, :, 2] = 0
            rgby.write(path, field, "f2")
    message = refused(run, capsys, *words)
    assert said.get(damage, "f2.tif" if damage == "damaged" else "there is no nucleus in its blue plane") in message
    assert pd.read_csv(tmp_path / "out" / "fields.csv")["cell_count"].tolist()[2] == 0


@pytest.mark.parametrize("kind", [{"embedder": True}, {"channels": "rgb"}], ids=["embedder", "rgb"])
def test_a_network_that_cannot_answer_for_cells_is_refused(run, tmp_path, capsys, kind):
    save_run(tmp_path / "other", image_size=128, crop_size=64, **kind)
    assert "cells need a classifier of all four" in refused(run, capsys, "run=other")
    assert not (tmp_path / "out").exists()


def test_nothing_is_made_where_no_field_has_cells(run, tmp_path, capsys):
    brought(tmp_path / "masks", other=blocks())
    assert "masks=masks holds other_cp_masks.png: no label image of any field" in refused(run, capsys, "masks=masks")
    brought(tmp_path / "masks", f0=blocks() * 0)
    assert "no field has cells" in refused(run, capsys, "masks=masks")


def test_what_is_done_is_not_done_again_and_other_settings_are_refused(run, tmp_path, capsys):
    out = run()
    times = {path: path.stat().st_mtime_ns for path in out.images.rglob("*.tif")}
    before = pd.read_csv(out.table("cells"), keep_default_na=False)
    out.found("f1").unlink()  # as if killed before it was written
    out.cells.unlink()
    run("batch_size=3")
    changed = {path.parent.name for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert changed == {"f1"}
    pd.testing.assert_frame_equal(pd.read_csv(out.table("cells"), keep_default_na=False), before, rtol=1e-4)
    message = refused(run, capsys, "margin=0.3")
    assert "out was made with another config; set out=DIR to keep both" in message
    assert "margin: 0.1 there, 0.3 now" in message


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Of a Cellpose that finds the cells of the fields in cones/."""
    pytest.importorskip("cellpose")
    (tmp_path / "cones").mkdir()
    for name in ("c0", "c1"):
        rgby.write(tmp_path / "cones" / f"{name}.tif", cones()[0].transpose(1, 2, 0), name)
    return save_weights(tmp_path / "weights", monkeypatch)


def test_cellpose_finds_cells_and_goes_on_by_the_same_weights_alone(run, weights, monkeypatch, tmp_path, capsys):
    words = ["images=cones", "segmenter=cellpose", "cellpose_model=weights"]
    out = run(*words, "workers=2")
    assert "6 cells in 2 of 2 fields" in capsys.readouterr().out
    mask, nuclei = label_image.read(out.mask("c0")), label_image.read(out.nuclei("c0"))
    assert mask.shape == nuclei.shape == cones()[1].shape
    assert pd.read_csv(out.table("cells"))["cell_number"].tolist() == [1, 2, 3] * 2
    assert out.outlines("c1").is_file()

    times = {path: path.stat().st_mtime_ns for path in out.images.rglob("*.tif")}
    out.found("c1").unlink()
    run(*words)
    assert {path.parent.name for path, time in times.items() if path.stat().st_mtime_ns != time} == {"c1"}

    save_weights(tmp_path / "others", monkeypatch, seed=1)
    assert "cellpose_model: weights there, others now" in refused(run, capsys, *words[:2], "cellpose_model=others")
    (tmp_path / "others").replace(weights)
    message = refused(run, capsys, *words)
    assert "cellpose_weights: " in message
    assert "cellpose_model: " not in message


@pytest.mark.parametrize(
    ("setting", "other"), [("segmenter", "cellpose"), ("cellpose_model", "cyto3"), ("cellpose_weights", "ab12")]
)
def test_cells_that_another_segmenter_found_are_refused(run, capsys, setting, other):
    out = run("outlines=false")
    config = OmegaConf.load(out.config)
    config[setting] = other  # as Cellpose would have left it
    OmegaConf.save(config, out.config)
    assert f"  {setting}: {other} there, " in refused(run, capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["masks=masks", "segmenter=cellpose"], "masks=masks and segmenter=cellpose are both given: leave one out"),
        (["cellpose_model=cyto3"], "cellpose_model=cyto3 is for segmenter=cellpose: give that too"),
        (["segmenter=cellpose"], "not installed: pip install 'hpa-lit[cellpose]'"),
        (["segmenter=stardist"], "segmenter=stardist"),
    ],
)
def test_what_cellpose_cannot_be_asked_for_is_said_before_anything_is_made(
    run, tmp_path, capsys, monkeypatch, words, said
):
    monkeypatch.setattr("hpa_lit.segmentation.cellpose.find_spec", lambda name: None)
    assert said in refused(run, capsys, *words)
    assert not (tmp_path / "out").exists()


def test_a_report_shows_cells_as_any_images(run, tmp_path, monkeypatch):
    out = run()
    words = [f"predictions={out.table('cells')}", f"images={out.images}", "naming=cells", "output=page"]
    monkeypatch.setattr(sys, "argv", ["hpa-lit report", *words])
    report.main()
    page = (tmp_path / "page" / "report.html").read_text()
    assert all(image_id in page for image_id in prediction_csv.read(out.table("cells")).ids[:3])


def test_the_contact_sheet_has_a_row_for_each_location_that_a_cell_is_given(run, tmp_path):
    brought(tmp_path / "masks", f0=blocks(), f1=blocks(), f2=blocks())
    out = run("masks=masks")
    table = pd.read_csv(out.table("cells"), keep_default_na=False)
    counts = pd.Series([name for words in table["locations"] for name in words.split(", ") if name]).value_counts()
    assert counts.to_dict() == {"odd": 12}
    with Image.open(out.contact_sheet) as sheet:
        assert sheet.size == (8 * 168 + 16, 194 + 8)
        first = np.asarray(sheet)[8:168, 8:168]
    best = table["Id"][table["odd"].astype(float).idxmax()]
    seen = brightened(rgby.read({rgby.STACK: out.image(best)}), 8)[:, :, :3]
    expected = np.asarray(Image.fromarray(seen).resize((160, 160), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(first, expected)
    without = run("masks=masks", "out=without", "outlines=false")
    assert not without.contact_sheet.exists()
    assert not without.outlines("f0").exists()


def test_other_commands_take_cells_as_any_images(run, tmp_path, monkeypatch):
    """Cells of one network beside those of another: their mean, and of each the nearest, which is its copy."""
    save_run(tmp_path / "second", run_name="second", arch="resnet34", image_size=128, crop_size=64)
    first = run("features=true")
    second = run("run=second", "out=two", f"masks={first.folder / 'masks'}")

    def start(verb, *words):
        monkeypatch.setattr(sys, "argv", [f"hpa-lit {verb.__name__}", *words])
        verb.main()

    start(combine, f"predictions=[{first.cells},{second.cells}]", "output=both.parquet")
    one, two, both = (prediction_file.read(path) for path in (first.cells, second.cells, tmp_path / "both.parquet"))
    np.testing.assert_allclose(both.probabilities, (one.probabilities + two.probabilities) / 2, rtol=1e-5)

    cells = one.ids
    pd.DataFrame({"Id": cells, "Target": ["bright"] * len(cells)}).to_csv(tmp_path / "known.csv", index=False)
    gallery = [f"gallery={first.cells}", "gallery_table=known.csv", f"gallery_images={first.images}"]
    shutil.copytree(first.images / "f0", tmp_path / "others" / "q0")
    start(neighbours, "images=others", "naming=cells", "run=run", *gallery, "output=near", "trainer=cpu")
    found = pd.read_csv(tmp_path / "near" / "neighbours.csv").groupby("Id").first()
    assert len(found) == len(list((tmp_path / "others" / "q0").iterdir()))
    assert all(found["neighbour"] == found.index.str.replace("q0", "f0"))


def test_a_pixel_size_says_how_large_nuclei_are_and_masks_stay_those_of_the_whole_field(run, tmp_path, capsys):
    """Fields of 160 pixels at 0.5 micrometres; the network saw 128 pixels at 0.5, so the middle of each."""
    save_run(tmp_path / "known", decision=DECISION, image_size=128, crop_size=64, target_pixel_size=0.5)
    out = run("run=known", "pixel_size=0.5", "others=mask")
    assert "nuclei are 32 pixels across" in capsys.readouterr().out  # 16 micrometres
    mask = label_image.read(out.mask("f0"))
    assert mask.shape == (SIDE, SIDE)
    with tifffile.TiffFile(out.mask("f0")) as tiff:
        assert tiff.pages[0].tags["XResolution"].value[0] / tiff.pages[0].tags["XResolution"].value[1] == 2
    field = rgby.read(rgby.list_images(tmp_path / "fields")["f0"])
    whole = {cell.number: cell for cell in regions(mask[16:144, 16:144])}
    small = [cell for cell in whole.values() if max(cell.bottom - cell.top, cell.right - cell.left) * 1.2 <= 64]
    assert small
    for cell in small:  # cut out at the size that they have, in the middle of a square of 64
        top, left = (
            int(np.rint((low + high - 64) / 2)) for low, high in ((cell.top, cell.bottom), (cell.left, cell.right))
        )
        padded = np.pad(
            np.where((mask == cell.number)[..., None], field, 0)[16:144, 16:144], ((64, 64), (64, 64), (0, 0))
        )
        expected = padded[64 + top : 128 + top, 64 + left : 128 + left]
        square = tifffile.imread(out.images / "f0" / f"{cell.number}.tif")
        np.testing.assert_array_equal(square.transpose(1, 2, 0), expected)


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["small_cells", "small_bags"])
def test_a_network_that_learned_cells_sees_them_as_in_its_training(run, tmp_path, monkeypatch, experiment):
    """Its fields are the mean of their cells, or what another network says of them."""
    first = run("others=mask")
    table = pd.DataFrame({"Id": ["f0", "f1", "f2"], "Target": ["0", "1", "0 2"], "split": ["train", "train", "valid"]})
    table.to_csv(tmp_path / "labels.csv", index=False)
    words = [f"experiment={experiment}", f"data.images={first.images}", "data.labels=labels.csv"]
    words += [f"data.label_list=[{','.join(LABELS)}]", "batch_size=2", "data.workers=0", "scheduler.epochs=1"]
    monkeypatch.setattr(sys, "argv", ["hpa-lit train", *words, "paths.outputs=o", "scheduler.rates=[[1,1e-3]]"])
    train.main()
    trained = "run=o/train/small_cells/fold0"

    out = run(trained, "out=second")
    assert json.loads(out.cutting.read_text()) == json.loads(first.cutting.read_text())
    for image_id in ("f0", "f1", "f2"):
        np.testing.assert_array_equal(
            tifffile.imread(out.images / image_id / "1.tif"), tifffile.imread(first.images / image_id / "1.tif")
        )
    fields, alone = pd.read_csv(out.table("fields")), prediction_file.read(out.cells)
    places = pd.read_csv(out.table("cells"), keep_default_na=False)
    model = describe(RunTree(tmp_path / "o/train/small_cells/fold0").checkpoint("best"))
    values = answered(alone, model.decision).probabilities
    for row, image_id in enumerate(fields["Id"]):
        whole = ((places["field"] == image_id) & (places["remark"] == "")).to_numpy()
        np.testing.assert_allclose(fields.loc[row, LABELS].to_numpy(float), values[whole].mean(axis=0), rtol=1e-4)

    gated = run(trained, "out=third", f"gate={first.table('fields')}")
    theirs, ours = (pd.read_csv(tree.table("fields"))[["Id", "locations", *LABELS]] for tree in (first, gated))
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-4)


def test_a_gate_of_other_fields_is_refused(run, tmp_path, capsys):
    table = pd.read_csv(run().table("fields"))
    table[:2].to_csv(tmp_path / "gate.csv", index=False)
    assert "gate=gate.csv has no answer for 1 fields:\n  f2" in refused(run, capsys, "gate=gate.csv", "out=two")
