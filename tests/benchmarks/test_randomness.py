from __future__ import annotations

from benchmarks import randomness
from lavarobust.data import load
from lavarobust.encoding.randomness import rate_randomness


def table(capsys, *arguments: str) -> list[list[str]]:
    randomness.main(arguments)
    header, rule, *lines = capsys.readouterr().out.strip().splitlines()
    assert header.startswith("| data | images | k1") and set(rule) <= set("|- ")
    return [line.strip("| ").split(" | ") for line in lines]


def test_the_table_of_a_data_set(capsys):
    first, second = table(capsys, "digits", "--epsilon", "0.05", "0.1")
    assert (first[5], second[5]) == ("0.05", "0.1")
    train = load("digits").train
    assert first[1] == str(train.samples) and first[2] == f"{rate_randomness(train.images).mean():.2f}"
    # 64 pixels: 0.05 * 64 flips in the same draws
    assert float(first[6]) == 3.2


def test_black_borders_count_when_images_are_cropped(capsys):
    (plain,) = table(capsys, "digits", "--limit", "100")
    (cropped,) = table(capsys, "digits", "--limit", "100", "--crop", "2")
    assert float(cropped[2]) < float(plain[2])
