"""The recipe: everything that determines a run, as frozen data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lavarobust.data import NAMES
from lavarobust.data.statistics import STATISTICS, Statistics, StatisticsName
from lavarobust.dynamics import SURROGATES
from lavarobust.errors import SettingsError
from lavarobust.experiment.defense_recipes import DefenseRecipe, NoDefenseRecipe, StochasticGatingRecipe
from lavarobust.experiment.objective_recipes import TrainingRecipe
from lavarobust.experiment.sections import Epsilon, Section
from lavarobust.netx.deployment import EncodingKind
from lavarobust.netx.model import Reset
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.families import ARCHITECTURES, Head
from lavarobust.snn.gate import LEAST_OPEN
from lavarobust.snn.scalars import Training
from lavarobust.training.settings import AtLeastOne, AtLeastZero, Positive


class DataRecipe(Section):
    """Which images, and how they are split.

    Attributes:
        name: a known data set or a path.
        root: folder of the data sets' files.
        validation: share of the training images.
        limit: most images in each part.
        event_limit: of recordings of events, most of one pixel, polarity and time bin that count; a bin
            is a step, so there are as many as ``network.steps``.
        seed: of the split; apart from the run's, so that runs of several seeds share their test images.
    """

    name: Annotated[str, Field(min_length=1, description=f"{', '.join(NAMES)} or a path")] = "digits"
    root: Annotated[str | None, Field(description="a folder, or null")] = None
    validation: Annotated[float, Field(ge=0, lt=1, description="a share from 0 to below 1")] = 0.1
    limit: Annotated[int | None, Field(ge=1, description="an integer of at least 1, or null")] = None
    seed: AtLeastZero = 0
    event_limit: AtLeastOne = 1


class EncodingRecipe(Section):
    """How pixels become integers; see :class:`lavarobust.netx.deployment.Encoding`.

    Attributes:
        normalisation: names mean and std instead, see :data:`lavarobust.data.statistics.STATISTICS`.
    """

    kind: EncodingKind = "direct"
    levels: Annotated[int, Field(ge=1, le=1 << 24, description="an integer from 1 to 2**24")] = 16
    mean: Annotated[tuple[float, ...], Field(description="one number per channel, or []")] = ()
    std: Annotated[tuple[Positive, ...], Field(description="one number above 0 per channel, or []")] = ()
    normalisation: StatisticsName | None = None

    @property
    def statistics(self) -> Statistics:
        """Mean and std, as they stand here or as the normalisation names them."""
        return (self.mean, self.std) if self.normalisation is None else STATISTICS[self.normalisation]

    @model_validator(mode="after")
    def _one_std_per_mean(self) -> EncodingRecipe:
        if self.normalisation is not None and self.mean:
            raise ValueError(
                f"mean is {list(self.mean)} and normalisation {self.normalisation}. Allowed: one of the two"
            )
        if len(self.mean) != len(self.std):
            raise ValueError(
                f"mean has {len(self.mean)} numbers and std {len(self.std)}. Allowed: as many of each"
            )
        return self


class SurrogateRecipe(Section):
    """The derivative of a spike; see :class:`lavarobust.dynamics.Surrogate`."""

    name: Annotated[str, Field(description=f"one of {', '.join(SURROGATES)}")] = "triangular"
    width: Positive = 1.0
    through_reset: Annotated[bool, Field(description="true or false")] = False
    scale: Positive = 1.0
    relative: Annotated[bool, Field(description="true or false")] = True

    @model_validator(mode="after")
    def _is_known(self) -> SurrogateRecipe:
        if self.name not in SURROGATES:
            raise ValueError(f"name is {self.name!r}. Allowed: one of {', '.join(SURROGATES)}")
        return self


class NeuronRecipe(Section):
    """Reset, threshold and leak of spiking neurons; see :class:`lavarobust.snn.scalars.NeuronOptions`."""

    reset: Annotated[Reset, Field(description="hard or soft")] = "hard"
    threshold: Annotated[Training, Field(description="fixed or trained")] = "fixed"
    leak: Annotated[Training, Field(description="fixed or trained")] = "fixed"
    initial_leak: Annotated[float, Field(ge=0, le=1, description="a share from 0 to 1")] = 1.0
    least_threshold: Annotated[float, Field(gt=0, le=1, description="a number above 0 and up to 1")] = 1e-3


class GateRecipe(Section):
    """Stochastic gates behind every population but the last; see :class:`lavarobust.snn.gate.GateOptions`."""

    gradient: Literal["concrete", "released"] = "concrete"
    initial: Annotated[
        float, Field(ge=LEAST_OPEN, le=1, description=f"a probability from {LEAST_OPEN} to 1")
    ] = 1.0


class ArchitectureRecipe(Section):
    """A network by name; see :class:`lavarobust.snn.families.Architecture`."""

    name: Annotated[str, Field(description=f"one of {', '.join(ARCHITECTURES)}")]
    width: Annotated[float, Field(gt=0, le=16, description="a number above 0 and up to 16")] = 1.0
    head: Annotated[Head, Field(description="paper, small or pooled")] = "paper"
    dropout: Annotated[float | None, Field(ge=0, lt=1, description="a share from 0 to below 1, or null")] = (
        None
    )

    @model_validator(mode="after")
    def _is_known(self) -> ArchitectureRecipe:
        if self.name not in ARCHITECTURES:
            raise ValueError(f"name is {self.name!r}. Allowed: one of {', '.join(ARCHITECTURES)}")
        return self


class NetworkRecipe(Section):
    """The network; layers in the short notation of :func:`lavarobust.snn.architecture.parse_layers`, or an
    architecture by name, which takes its input and its classes from the data."""

    layers: Annotated[
        tuple[str, ...] | None,
        Field(min_length=1, description="a list such as [conv 16 3 2, pool 2, dense 10], or null"),
    ] = None
    architecture: Annotated[
        ArchitectureRecipe | None, Field(description="a section such as {name: vgg5, width: 0.25}, or null")
    ] = None
    steps: AtLeastOne
    encoding: EncodingRecipe = EncodingRecipe()
    readout: Literal["membrane", "spike_count"] = "membrane"
    surrogate: SurrogateRecipe = SurrogateRecipe()
    neuron: NeuronRecipe = NeuronRecipe()
    gate: Annotated[GateRecipe | None, Field(description="a section, such as {}, or null")] = None

    @model_validator(mode="after")
    def _layers_can_be_read(self) -> NetworkRecipe:
        if (self.layers is None) == (self.architecture is None):
            raise ValueError(
                "layers and architecture are both "
                f"{'missing' if self.layers is None else 'given'}. Allowed: one of the two, the other null"
            )
        try:
            parse_layers(self.layers or ())
        except SettingsError as error:
            raise ValueError(str(error)) from None
        return self


class ExportRecipe(Section):
    """How the network is deployed.

    Attributes:
        allow_overflow: export states that wrap or clip on the calibration images.
        calibration_images: of the training part.
        gates: ``kept`` in an extended file, or replaced for good in a plain one: ``thinned`` scales the
            weights behind them by what they send on average, ``masked`` keeps the neurons that send at least
            half (see :mod:`lavarobust.snn.thinning`).
    """

    allow_overflow: Annotated[bool, Field(description="true or false")] = False
    calibration_images: AtLeastOne = 512
    gates: Literal["kept", "thinned", "masked"] = "kept"


class AttackRecipe(Section):
    """What the finished model is evaluated under: each attack at each epsilon.

    Attributes:
        attacks: by name, see :func:`lavarobust.experiment.attack.named_attacks`.
        epsilon: linf radii in pixel units.
        steps, restarts: of PGD.
        flips: budgets of attacks on the encoding, entries per frame; each is run by
            :func:`lavarobust.experiment.attack.flip_attacks`.
        flip_iterations: gradients of the iterated one.
    """

    attacks: Annotated[
        tuple[Literal["fgsm", "pgd", "noise", "gaussian"], ...],
        Field(min_length=1, description="a list of fgsm, pgd, noise and gaussian"),
    ] = ("pgd",)
    epsilon: Annotated[
        tuple[Epsilon, ...], Field(min_length=1, description="a list of numbers above 0 and up to 1")
    ] = (0.1,)
    steps: AtLeastOne = 20
    restarts: AtLeastOne = 1
    flips: Annotated[tuple[AtLeastOne, ...], Field(description="a list of integers of at least 1")] = ()
    flip_iterations: AtLeastOne = 10


class Recipe(Section):
    """One run from data to evaluation.

    Attributes:
        name: of the run folder and of the model.
        seed: of initial weights, order of images and draws in training.
        threads: of torch; training gives the same bytes for the same number.
        device: that trains; ``auto`` is a CUDA GPU where torch finds one. A GPU adds floats up in another
            order, so its bytes are other ones than a CPU's; what is exported is run on the CPU.
    """

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            description="letters, digits, '.', '_' and '-', beginning with a letter or digit",
        ),
    ]
    seed: AtLeastZero = 0
    threads: Annotated[int, Field(ge=1, le=1024, description="an integer from 1 to 1024")] = 2
    device: Literal["auto", "cpu", "cuda"] = "auto"
    data: DataRecipe = DataRecipe()
    network: NetworkRecipe
    defense: DefenseRecipe = NoDefenseRecipe()
    training: TrainingRecipe = TrainingRecipe()
    export: ExportRecipe = ExportRecipe()
    attack: AttackRecipe = AttackRecipe()

    @model_validator(mode="after")
    def _gates_are_there(self) -> Recipe:
        if isinstance(self.defense, StochasticGatingRecipe) and self.network.gate is None:
            raise ValueError("defense stog: the network has no gates. Allowed: with network.gate, such as {}")
        if self.export.gates != "kept" and self.network.gate is None:
            raise ValueError(
                f"export.gates {self.export.gates}: the network has no gates. Allowed: with network.gate"
            )
        return self

    @model_validator(mode="after")
    def _flips_are_of_spikes(self) -> Recipe:
        if self.attack.flips and self.network.encoding.kind in ("direct", "repeat"):
            raise ValueError("attack.flips are of spikes. Allowed: with encoding rate, signed_rate or frames")
        return self

    @model_validator(mode="after")
    def _objective_fits_the_encoding(self) -> Recipe:
        objective, encoding = self.training.objective, self.network.encoding.kind
        refusal = objective.refusal(encoding)
        if refusal is not None:
            raise ValueError(f"objective {objective.kind} with encoding {encoding}: {refusal}")
        return self

    @model_validator(mode="after")
    def _defense_fits_the_objective(self) -> Recipe:
        refusal = self.defense.refusal(self.training.objective.kind)
        if refusal is not None:
            raise ValueError(
                f"defense {self.defense.kind} with objective {self.training.objective.kind}: {refusal}"
            )
        return self
