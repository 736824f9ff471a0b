"""The images that pruning scores look at."""

import numpy as np
import pytest

from helpers.pruning_cases import digits_folder
from sparse_topology.job import InputError
from sparse_topology.pruning import batches
from sparse_topology.pruning.masks import stream


def numbered(count, classes=4, shift=0, flip=False):
    """A set whose image k is the constant k: an image tells which one it is."""
    pixels = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 3, 3), np.uint8)
    facts = {"mean": [0.0], "std": [1 / 255], "augmentation": {"shift": shift, "flip": flip}}
    return batches.TrainingSet(pixels, np.arange(count) % classes, facts)


def centre(inputs):
    """The image numbers of a batch, from a pixel that no shift by 1 moves off the image."""
    return inputs[:, 0, 1, 1].round().int().tolist()


def test_fresh_batches_have_no_image_in_common_and_keep_their_labels():
    drawn = batches.fresh_batches(numbered(40), 4, 10, stream(0, "test"), "cpu")
    images = [number for inputs, _ in drawn for number in centre(inputs)]
    assert sorted(images) == list(range(40))
    assert all([number % 4 for number in centre(inputs)] == labels.tolist() for inputs, labels in drawn)
    assert images != sorted(images)


def test_batches_shrink_to_what_the_set_has():
    drawn = batches.fresh_batches(numbered(11), 4, 512, stream(0, "test"), "cpu")
    assert [len(labels) for _, labels in drawn] == [2, 2, 2, 2]
    with pytest.raises(InputError, match="7 images: too few for 4 pruning batches"):
        batches.fresh_batches(numbered(7), 4, 512, stream(0, "test"), "cpu")


def test_class_halves_are_class_after_class_cut_in_the_middle():
    (first, low), (second, high) = batches.class_halves(numbered(40), 3, stream(0, "test"), "cpu")
    assert low.tolist() == [0, 0, 0, 1, 1, 1]
    assert high.tolist() == [2, 2, 2, 3, 3, 3]
    numbers = centre(first) + centre(second)
    assert len(set(numbers)) == 12
    assert [number % 4 for number in numbers] == low.tolist() + high.tolist()


def test_a_class_gives_what_it_has():
    images = numbered(9)  # class 0 has three images, the others two
    (_, low), (_, high) = batches.class_halves(images, 25, stream(0, "test"), "cpu")
    assert low.tolist() + high.tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3]


def test_batches_are_augmented_and_standardised(tmp_path):
    data = digits_folder(tmp_path / "data", images=100)
    images = batches.open_training_set(*(data / f for f in ("train_images.npy", "train_labels.npy", "dataset.json")))
    inputs, _ = batches.draw(images, np.zeros(200, int), stream(0, "test"), "cpu")
    mean, std = images.facts["mean"][0], images.facts["std"][0]
    pixels = (inputs.numpy() * std + mean) * 255
    padded = np.pad(images.pixels[0, 0], 1)
    shifts = {(i, j): padded[i : i + 8, j : j + 8] for i in range(3) for j in range(3)}
    seen = set()
    for image in np.rint(pixels[:, 0]):
        matches = [corner for corner, shifted in shifts.items() if np.array_equal(image, shifted)]
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) == 9


def test_half_of_the_images_are_mirrored_where_the_data_set_says_so():
    images = numbered(1, flip=True)
    images.pixels[0, 0] = [[1, 2, 3]] * 3
    inputs, _ = batches.draw(images, np.zeros(200, int), stream(0, "test"), "cpu")
    first_row = inputs[:, 0, 0].round().int().tolist()
    mirrored = first_row.count([3, 2, 1])
    assert mirrored + first_row.count([1, 2, 3]) == 200
    assert 60 < mirrored < 140
