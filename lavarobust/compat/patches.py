"""The patches of Lava, each made in memory at the moment its module is imported.

A finder in front of ``sys.meta_path`` waits for the few modules that need help, so :func:`activate` itself
imports nothing. A patched module is compiled from its installed source with one passage replaced, and never
cached on disk.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from lavarobust.compat.installation import LAVA_RELEASES, has_lava_dl_pins, require_lava
from lavarobust.errors import BackendError

_SWITCH = "LAVAROBUST_NO_PATCHES"
_applied: list[str] = []


def activate() -> None:
    """Prepare this program for ``import lava...``; call it first in every module that imports Lava.

    Cheap, and a second call does nothing. Nothing is patched where nothing has to be (Python 3.10 with
    lava-dl's own pins), nor with ``LAVAROBUST_NO_PATCHES=1`` in the environment.

    Raises:
        MissingLavaError: lava-nc or lava-dl is not installed.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    require_lava()
    if os.environ.get(_SWITCH, "") not in ("", "0"):
        return
    sys.meta_path.insert(0, _Finder())
    logging.getLogger("torch.utils.cpp_extension").addFilter(_is_worth_saying)


def patches_applied() -> tuple[str, ...]:
    """What has been patched so far, one line each; a patch is made when its module is imported."""
    return tuple(_applied)


class _Finder(MetaPathFinder):
    """Answers for the modules that need a patch, and leaves every other one to Python."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        rule = _RULES.get(fullname)
        return rule(fullname, path) if rule else None


def _hashable_byte_encoder(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """Python 3.11 refuses a default of an unhashable class in a dataclass; ByteEncoder is used as one."""
    if sys.version_info < (3, 11):
        return None
    return _patched(
        fullname,
        path,
        old="@dataclass\nclass ByteEncoder:",
        new="@dataclass(unsafe_hash=True)\nclass ByteEncoder:",
        name="lava.magma.compiler.var_model: ByteEncoder made hashable, as Python 3.11 wants of a default",
    )


def _no_object_detection(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """slayer imports its YOLO tools, and they OpenCV and the one torchvision that fits torch 2.3."""
    if has_lava_dl_pins():
        return None
    return ModuleSpec(fullname, _AbsentModule())


def _wide_convolution(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """numpy 2 adds an image's width to Lava's int8 paddings in int8, which fails from 128 pixels on."""
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        return None
    return _patched(
        fullname,
        path,
        old="input_shape = input_.shape\n    output = np.zeros(",
        new="input_shape = np.array(input_.shape)\n    output = np.zeros(",
        name="lava.proc.conv.utils: extents computed in int64, as before numpy 2",
    )


def _fork_once(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """Lava sets the start method, which fails once a pool, a queue or a tqdm bar has used the default one."""
    used = multiprocessing.get_start_method(allow_none=True)
    if used == "fork":
        multiprocessing.set_start_method(None, force=True)
        _applied.append("multiprocessing: start method 'fork' released, so that Lava can set it again")
    elif used is not None:
        raise BackendError(
            f"this program chose the multiprocessing start method {used!r}, and Lava needs 'fork'. "
            f"Choose 'fork', or run Lava in a program of its own"
        )
    return None


_RULES: dict[str, Callable[[str, Sequence[str] | None], ModuleSpec | None]] = {
    "lava.magma.compiler.var_model": _hashable_byte_encoder,
    "lava.lib.dl.slayer.object_detection": _no_object_detection,
    "lava.magma.runtime.message_infrastructure.multiprocessing": _fork_once,
    "lava.proc.conv.utils": _wide_convolution,
}


def _patched(
    fullname: str, path: Sequence[str] | None, *, old: str, new: str, name: str
) -> ModuleSpec | None:
    spec = PathFinder.find_spec(fullname, path)
    if spec is not None and spec.origin is not None:
        spec.loader = _PatchedSource(fullname, spec.origin, old=old, new=new, name=name)
    return spec


class _PatchedSource(SourceFileLoader):
    """Compiles an installed file with one passage replaced; its line numbers stay, no bytecode is written."""

    def __init__(self, fullname: str, path: str, *, old: str, new: str, name: str) -> None:
        super().__init__(fullname, path)
        self._old, self._new, self._name = old, new, name

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        source = self.get_source(fullname) or ""
        if source.count(self._old) != 1:
            raise BackendError(
                f"{path}: is not the file of lava-nc {LAVA_RELEASES['lava-nc']}, since {self._old!r} occurs "
                f"{source.count(self._old)} times in it, not once. Install that release with "
                f"`python -m lavarobust.compat install`, or set {_SWITCH}=1 if yours needs no patch"
            )
        _applied.append(self._name)
        code: CodeType = compile(source.replace(self._old, self._new), path, "exec", dont_inherit=True)
        return code


class _AbsentModule(Loader):
    """A module that is there but says why it is empty as soon as something is taken from it."""

    def exec_module(self, module: ModuleType) -> None:
        def explain(attribute: str) -> Any:
            message = (
                f"{module.__name__} is left out: it needs OpenCV and the torchvision of lava-dl's own pins. "
                f"Use Python 3.10 with these pins to get {attribute!r}"
            )
            # Python itself asks for names such as __path__ and must hear a plain no.
            raise AttributeError(message) if attribute.startswith("__") else BackendError(message)

        module.__getattr__ = explain  # type: ignore[method-assign]
        _applied.append(f"{module.__name__}: left out, as it needs OpenCV and torchvision 0.18")


def _is_worth_saying(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("No CUDA runtime is found")
