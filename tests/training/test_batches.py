from __future__ import annotations

import numpy as np
import torch

from lavarobust.training.augmentation import Augmentation
from lavarobust.training.batches import epoch_batches, epoch_generator


def order(data, seed=0, epoch=0, size=20):
    return [indices for _, _, indices in epoch_batches(data.train, size, seed, epoch)]


def test_every_image_comes_once_with_its_label(data):
    batches = list(epoch_batches(data.train, 20, 0, 0))
    assert [len(indices) for _, _, indices in batches] == [20, 20, 8]
    assert sorted(np.concatenate([indices for _, _, indices in batches])) == list(range(48))
    for images, labels, indices in batches:
        np.testing.assert_array_equal(images.numpy(), data.train.images[indices])
        np.testing.assert_array_equal(labels.numpy(), data.train.labels[indices])


def test_the_order_belongs_to_seed_and_epoch_and_not_to_the_batch_size(data):
    orders = {
        key: tuple(np.concatenate(order(data, **dict(zip(("seed", "epoch", "size"), key, strict=True)))))
        for key in ((0, 0, 20), (0, 0, 7), (0, 1, 20), (1, 0, 20), (10, 1, 20), (1, 1, 20))
    }
    assert orders[0, 0, 20] == orders[0, 0, 7]
    assert len(set(orders.values())) == 5


def test_an_image_s_augmentation_belongs_to_seed_epoch_and_index(data):
    augmentation = Augmentation(crop=1, flip=True, cutout=2)

    def by_index(size, seed=0, epoch=0):
        batches = epoch_batches(data.train, size, seed, epoch, augmentation)
        return {
            int(index): image
            for images, _, part in batches
            for image, index in zip(images, part, strict=True)
        }

    images = by_index(20)
    assert all(torch.equal(images[index], image) for index, image in by_index(7).items())
    for other in (by_index(20, seed=1), by_index(20, epoch=1)):
        assert sum(not torch.equal(images[index], other[index]) for index in range(48)) > 40
    assert sum(not np.array_equal(images[index], data.train.images[index]) for index in range(48)) > 40


def test_a_generator_belongs_to_seed_and_epoch():
    draws = [torch.rand(4, generator=epoch_generator(*key)) for key in ((0, 0), (0, 0), (0, 1), (1, 0))]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2]) and not torch.equal(draws[0], draws[3])
