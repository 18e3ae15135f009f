"""Masks and answers of cells against the truth, by hand and by an independent library."""

import numpy as np
import pytest

from hpa_lit.results.instances import Field, mean_average_precision, overlaps, segmentation_precision


def test_overlaps_by_hand():
    truth = np.array([[1, 1, 0, 4], [1, 1, 0, 4]])
    found = np.array([[2, 2, 9, 9], [2, 0, 0, 0]])
    np.testing.assert_array_equal(overlaps(truth, found), [[3 / 4, 0], [0, 1 / 3]])
    assert overlaps(truth, np.zeros_like(truth)).shape == (2, 0)
    with pytest.raises(ValueError, match="masks of"):
        overlaps(truth, truth[:1])


def test_segmentation_precision_by_hand():
    """Two of three cells are found, one that is found is none: 2 / (2 + 1 + 1)."""
    overlap = np.array([[0.9, 0, 0], [0, 0.6, 0], [0, 0.1, 0.4]])
    assert segmentation_precision([overlap]) == 2 / 4
    assert segmentation_precision([overlap, np.zeros((2, 0))]) == 2 / 6
    assert segmentation_precision([overlap], 0.7) == 1 / 5
    assert np.isnan(segmentation_precision([np.zeros((0, 0))]))
    with pytest.raises(ValueError, match="several partners"):
        segmentation_precision([overlap], 0.4)


def test_mean_average_precision_by_hand():
    """The first label is right, wrong, right, of two: precision 1 and 2/3 at recall 1/2 and 1. The second never is."""
    field = Field(
        np.array([[0.8, 0, 0], [0, 0.7, 0.1], [0, 0, 0.55]]),
        np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], np.uint8),
        np.array([[0.9, 0.1, 0.3], [0.4, 0.2, 0.3], [0.6, 0.8, 0.1]]),
    )
    mean, each = mean_average_precision([field])
    np.testing.assert_allclose(each, [(1 + 2 / 3) / 2, 0, np.nan])
    assert mean == pytest.approx((1 + 2 / 3) / 4)
    with pytest.raises(ValueError, match="several partners"):
        mean_average_precision([field], 0.5)


def test_precision_is_that_of_the_coco_tools():
    """Which read it at 101 places of recall, and so differ by a hundredth at most."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    masks = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    fields, truths, results = [], [], []
    for number in range(12):
        truth, found = np.zeros((80, 80), int), np.zeros((80, 80), int)
        for cell in range(16):
            y, x = 20 * (cell // 4) + 2, 20 * (cell % 4) + 2
            truth[y : y + 15, x : x + 15] = cell + 1
            dy, dx = rng.integers(-2, 3, 2)
            if rng.random() < 0.9:
                found[y + dy : y + dy + 15, x + dx : x + dx + 15] = cell + 1
        kept = np.unique(found)[1:] - 1
        labels = rng.random((16, 3)) < [0.5, 0.3, 0.1]
        scores = np.clip(0.5 * labels[kept] + rng.random((len(kept), 3)), 0, 1.5) / 1.5
        fields.append(Field(overlaps(truth, found), labels.astype(np.uint8), scores))

        def outline(mask, cell):
            return masks.encode(np.asfortranarray((mask == cell + 1).astype(np.uint8)))

        for cell, label in np.argwhere(labels):
            shape = outline(truth, cell)
            truths.append(
                {
                    "id": len(truths) + 1,
                    "image_id": number,
                    "category_id": int(label),
                    "segmentation": shape,
                    "area": 225,
                    "iscrowd": 0,
                }
            )
        results += [
            {"image_id": number, "category_id": k, "segmentation": outline(found, cell), "score": float(scores[row, k])}
            for row, cell in enumerate(kept)
            for k in range(3)
        ]
    known = coco.COCO()
    known.dataset = {
        "images": [{"id": n, "height": 80, "width": 80} for n in range(12)],
        "categories": [{"id": k} for k in range(3)],
        "annotations": truths,
    }
    known.createIndex()
    judged = evaluation.COCOeval(known, known.loadRes(results), "segm")
    judged.params.iouThrs, judged.params.maxDets = np.array([0.6]), [1000]
    judged.evaluate()
    judged.accumulate()
    theirs = judged.eval["precision"][0, :, :, 0, 0].mean(axis=0)
    mean, each = mean_average_precision(fields)
    np.testing.assert_allclose(each, theirs, atol=0.01)
    assert 0.3 < mean < 0.9
