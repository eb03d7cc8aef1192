"""Isolated environments in which only the versions of chosen packages differ from this one.

An environment is a virtual one with everything that desilo needs in the versions that are installed here, but for the
chosen packages. desilo itself is not installed in it: its source is the one that is running, linked, so that a
requirement of its own (a version of the solver that it refuses) does not keep a version from being looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from filelock import FileLock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import desilo
from desilo.harness.records import write_text

READY = "ready.json"

DESILO = "from desilo.harness.cli import main; main()"

STANDARD_ERROR = 2

PATIENCE = 30
"""Seconds for a command to end after Ctrl-C."""


class NotInstalled(RuntimeError):
    """What pip said."""


@dataclass(frozen=True)
class Environment:
    """A place to run desilo in.

    Attributes:
        folder: of the environment.
        sources: what is put on the module search path.
    """

    folder: Path
    sources: tuple[Path, ...]

    def run(self, arguments: Sequence[str], quiet: bool = False) -> subprocess.CompletedProcess[str]:
        """Run `desilo` with arguments.

        Args:
            arguments: of the command.
            quiet: keep what it prints; otherwise it goes to standard error as it comes.

        Raises:
            KeyboardInterrupt: once the command has ended, too.
        """
        surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
        surroundings["PYTHONPATH"] = os.pathsep.join(map(str, self.sources))
        command = [str(_python(self.folder)), "-P", "-c", DESILO, *arguments]
        out, errors = (subprocess.PIPE, subprocess.PIPE) if quiet else (STANDARD_ERROR, None)
        process = subprocess.Popen(command, env=surroundings, stdout=out, stderr=errors, text=True)
        try:
            said, complained = process.communicate()
        except BaseException:
            try:
                process.wait(PATIENCE)  # Ctrl-C reaches it as well: it ends its runs and keeps what is finished
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
        return subprocess.CompletedProcess(command, process.returncode, said, complained)


def make(pins: Mapping[str, str], root: Path) -> Environment:
    """An environment with these versions; one that is there already is used again.

    Args:
        pins: versions of packages, by name.
        root: folder of all environments.

    Raises:
        NotInstalled: pip could not install something.
    """
    python = f"python-{sys.version_info.major}.{sys.version_info.minor}"
    folder = root.resolve() / "-".join([*(f"{name}-{version}" for name, version in sorted(pins.items())), python])
    wanted = requirements() | {canonicalize_name(name): version for name, version in pins.items()}
    ready = folder / READY
    text = json.dumps(wanted, indent=1, sort_keys=True) + "\n"
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):  # whoever else wants the same one waits for it
        if not (ready.exists() and ready.read_text(encoding="utf-8") == text):
            shutil.rmtree(folder, ignore_errors=True)
            _call([sys.executable, "-m", "venv", str(folder)])
            pip = [str(_python(folder)), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
            _call([*pip, "--no-compile", *(f"{name}=={version}" for name, version in wanted.items())])
            write_text(text, ready)
        return Environment(folder, link_source(folder))


def requirements() -> dict[str, str]:
    """Everything that desilo needs, and what that needs, in the versions that are installed here."""
    found: dict[str, str] = {}
    waiting = ["desilo"]
    while waiting:
        distribution = metadata.distribution(waiting.pop())
        for text in distribution.requires or []:
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            if name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                found[name] = metadata.version(name)
                waiting.append(name)
    return found


def link_source(folder: Path) -> tuple[Path, ...]:
    """Places for the module search path with the portions of the namespace package that is running.

    They are made once for every such package and never changed: a bench may be at work with them.

    Args:
        folder: where they are made; the first one has a note of the version for `importlib.metadata`.
    """
    portions = [Path(portion).resolve() for portion in desilo.__path__]
    version = metadata.version("desilo")
    name = hashlib.sha256(f"{version} {portions}".encode()).hexdigest()[:8]
    places = tuple(folder / f"source-{name}-{number}" for number in range(len(portions)))
    for place, portion in zip(places, portions, strict=True):
        place.mkdir(parents=True, exist_ok=True)
        if not (place / "desilo").is_symlink():
            (place / "desilo").symlink_to(portion, target_is_directory=True)
    note = places[0] / f"desilo-{version}.dist-info" / "METADATA"
    write_text(f"Metadata-Version: 2.1\nName: desilo\nVersion: {version}\n", note)
    return places


def _python(folder: Path) -> Path:
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-1:]
        raise NotInstalled(" ".join(said) or f"{' '.join(command[:4])} ended with status {done.returncode}")
