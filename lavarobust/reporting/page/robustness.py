"""Accuracy, clean and attacked: the curve over epsilon, what a suite left, whether to believe it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from lavarobust.experiment.robustness import Share
from lavarobust.reporting.page.curve_figure import Curve, Point, curve_figure
from lavarobust.reporting.page.document import Block, Commands, Figure, Plain, Section, Text, printable
from lavarobust.reporting.page.measure import EPSILON, Measured
from lavarobust.reporting.page.subject import SUITE_SUFFIX
from lavarobust.reporting.page.words import interval, share
from lavarobust.reporting.tables import Table, accuracy_table, work_table


def robustness_data(measured: Measured) -> Plain:
    """One model's shares of right images, each with its count and 95 % interval."""
    subject, right = measured.subject, measured.correct
    result = measured.attacked
    return {
        "name": subject.name,
        "images": subject.source,
        "backend": measured.clean.backend,
        "clean": _plain(Share(int(right.sum()), len(right))) if subject.labelled else None,
        "curve": None
        if result is None
        else {
            "attack": result.outcomes[0].settings.name,
            "gradients": f"{type(result.rule).__name__}: {result.rule}",
            "clean": _plain(_counted(result.clean.correct)),
            "points": [
                {"epsilon": threat.epsilon, **_plain(_counted(result.robust(threat)))}
                for threat in result.threats
            ],
        },
        "not_attacked": measured.not_attacked,
        "suite": suite_data(subject.suite),
        "evaluation": dict(subject.evaluation),
    }


def suite_data(suite: Plain) -> Plain | None:
    """What the page shows of a suite's result."""
    if not suite:
        return None
    return {
        "name": suite["suite"],
        "images": suite["source"],
        "backend": suite["backend"],
        "votes": suite["votes"],
        "results": [
            {
                "epsilon": each["epsilon"],
                "norm": each["norm"],
                **{
                    name: _plain(Share(each[name]["count"], each[name]["of"])) for name in ("clean", "robust")
                },
                "unreliable": bool(each["unreliable"]),
                "members": [
                    {key: member[key] for key in ("attack", "attempted", "fooled")}
                    for member in each["members"]
                ],
                "checks": each["diagnosis"]["checks"],
                "audit": None
                if each["audit"] is None
                else {key: each["audit"][key] for key in ("images", "backend", "differences")},
            }
            for each in suite["results"]
        ],
    }


def worst_case(data: Plain) -> tuple[Share, float, str, bool] | None:
    """The share that withstands all that ran, its epsilon, what ran, and whether something speaks against it.

    Of a suite's results the one of the smallest epsilon; else the first point of the curve at or above 0.1.
    """
    if data["suite"] is not None:
        each = min(data["suite"]["results"], key=lambda one: float(one["epsilon"]))
        found = Share(each["robust"]["count"], each["robust"]["of"])
        return found, each["epsilon"], _suite_words(data["suite"]), each["unreliable"]
    if data["curve"] is not None:
        points = data["curve"]["points"]
        point = next((one for one in points if one["epsilon"] >= 0.1), points[-1])
        return (
            Share(point["count"], point["of"]),
            point["epsilon"],
            f"{data['curve']['attack']} alone, an upper bound",
            False,
        )
    return None


def _suite_words(suite: Plain) -> str:
    votes = "" if suite["votes"] is None else f", by a vote of {suite['votes']} fresh draws"
    return f"suite {suite['name']}{votes}"


def robustness_section(models: Sequence[Measured]) -> Section:
    """Curves of all models in one figure, then tables."""
    data = [robustness_data(each) for each in models]
    evaluations = [each["evaluation"] for each in data if each["evaluation"]]
    blocks: list[Block] = list(_curves(data))
    blocks += [
        Text(f"{each['name']} was not attacked for this page: {each['not_attacked']}", "note")
        for each in data
        if each["curve"] is None
    ]
    for each, measured in zip(data, models, strict=True):
        if each["suite"] is None and measured.subject.labelled:
            blocks += _missing(measured)
        elif each["suite"] is None:
            blocks.append(Text(f"{each['name']}: no accuracy is known without labelled images.", "note"))
        else:
            blocks += _suite_blocks(each["name"], each["suite"])
    if evaluations:
        blocks += [accuracy_table(evaluations), work_table(evaluations)]
    return Section("robustness", "Accuracy and robustness", tuple(blocks), data)


def _curves(data: Sequence[Plain]) -> tuple[Block, ...]:
    curves = [
        Curve(
            each["name"],
            tuple(
                Point(epsilon, point["value"], *point["interval"])
                for epsilon, point in [
                    (0.0, each["curve"]["clean"]),
                    *((one["epsilon"], one) for one in each["curve"]["points"]),
                ]
            ),
            tuple(
                Point(one["epsilon"], one["robust"]["value"], *one["robust"]["interval"])
                for one in (each["suite"]["results"] if each["suite"] else ())
            ),
        )
        for each in data
        if each["curve"] is not None
    ]
    if not curves:
        return ()
    first = next(each for each in data if each["curve"] is not None)
    attacks = ", ".join(dict.fromkeys(each["curve"]["attack"] for each in data if each["curve"]))
    about = "; ".join(
        f"{each['name']}: first {each['curve']['clean']['of']} of {each['images']}"
        for each in data
        if each["curve"]
    )
    alt = "; ".join(
        f"{curve.name}: "
        + ", ".join(f"{100 * point.share:.0f} % at {point.epsilon:g}" for point in curve.points)
        for curve in curves
    )
    caption = (
        f"Accuracy over the largest change of a pixel (pixels are in [0, 1]), clean at 0. {attacks}, "
        f"white-box on the executed integers, judged on {first['backend']}; an image that is wrong without "
        f"attack is wrong under attack. Bars: 95 % intervals (Wilson). {about}."
    )
    if any(curve.worst for curve in curves):
        caption += " Large open marks: what withstood a whole suite of attacks."
    return (
        Figure(curve_figure("curves", curves), caption, f"Accuracy over epsilon. {alt}."),
        _curve_table(data),
    )


def _curve_table(data: Sequence[Plain]) -> Table:
    rows = []
    for each in data:
        if each["curve"] is None:
            continue
        for epsilon, point in [
            (0.0, each["curve"]["clean"]),
            *((one["epsilon"], one) for one in each["curve"]["points"]),
        ]:
            counted = Share(point["count"], point["of"])
            right = f"{point['count']} of {point['of']}"
            rows.append((each["name"], f"{epsilon:g}", right, share(counted), interval(counted)))
    return Table(
        "Accuracy over epsilon",
        ("model", "epsilon", "right", "accuracy", "95 % interval"),
        tuple(rows),
        (
            "One attack with one surrogate gradient: an upper bound on robustness, where nothing is drawn. "
            "What a model draws at random is known to this attack, and fresh draws may do better.",
        ),
    )


def _suite_blocks(name: str, suite: Plain) -> list[Block]:
    blocks: list[Block] = []
    for each in suite["results"]:
        clean, robust = (Share(each[which]["count"], each[which]["of"]) for which in ("clean", "robust"))
        at = f"{name}, suite {suite['name']} at {each['norm']} {each['epsilon']:g}"
        rows = [
            (printable(member["attack"]), f"{member['attempted']:,}", f"{member['fooled']:,}")
            for member in each["members"]
        ]
        audit = each["audit"]
        notes = [
            f"{clean.of} images of {suite['images']}, executed on {suite['backend']}. Right without attack "
            f"{share(clean)} ({interval(clean)}); under all attacks {share(robust)} ({interval(robust)}).",
        ]
        if suite["votes"] is not None:
            notes.append(f"The model draws: a vote of {suite['votes']} draws no attack has seen decides.")
        if audit is not None:
            notes.append(
                f"{audit['images']} of the worst images executed on {audit['backend']} too: "
                f"{audit['differences']} differences in class, score or any count."
            )
        columns = ("attack, in order", "tried on", "fooled")
        blocks.append(Table(f"Worst case of {at}", columns, tuple(rows), tuple(notes), left=1))
        blocks += _diagnosis(at, each)
    return blocks


def _diagnosis(at: str, each: Plain) -> list[Block]:
    fired = [check for check in each["checks"] if check["fired"]]
    if each["unreliable"]:
        reasons = "; ".join(f"{check['name']}: {check['said']}" for check in fired)
        verdict = Text(f"{at}: the figure may be too high. {printable(reasons)}", "warning")
    else:
        asked = len(each["checks"])
        verdict = Text(f"{at}: {asked} checks of the evaluation were made, and none speaks against it.")
    rows = [
        (
            printable(check["name"]),
            ("Against it: " if check["fired"] else "") + printable(check["said"]),
        )
        for check in each["checks"]
    ]
    table = Table(f"Can it be believed? {at}", ("check", "answer"), tuple(rows))
    return [verdict, table]


def _missing(measured: Measured) -> list[Block]:
    subject = measured.subject
    file = subject.argument if subject.folder is None else f"{subject.argument}/{subject.file.name}"
    result = f"{file.removesuffix('.net')}{SUITE_SUFFIX}"
    epsilon = f"{measured.epsilon or EPSILON:g}"
    suite = ("--suite", "adaptive", "--eps", epsilon, "--json", result)
    words = ("lavarobust", "attack", file, *subject.words, *suite)
    said = (
        f"No suite of attacks has been run on {subject.name}: nothing says whether its figures under attack "
        "can be believed. This command attacks and asks, and a report made after it shows what it found."
    )
    return [Text(said, "note"), Commands(f"Attack {subject.name} with a suite", (shlex.join(words),))]


def _counted(right: Any) -> Share:
    return Share(int(right.sum()), len(right))


def _plain(counted: Share) -> dict[str, Any]:
    return {
        "count": counted.count,
        "of": counted.of,
        "value": counted.value,
        "interval": list(counted.interval),
    }
