"""Isolated environments in which only the versions of chosen packages differ from this one.

An environment is a virtual one with everything that desilo needs in the versions that are installed here, but for the
chosen packages. desilo itself is not installed in it: its source is the one that is running, linked, so that a
requirement of its own (a version of the solver that it refuses) does not keep a version from being looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import desilo
from desilo.harness.records import write_text

READY, SOURCE = "ready.json", "source"

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
    """

    folder: Path

    def run(self, arguments: Sequence[str], quiet: bool = False) -> subprocess.CompletedProcess[str]:
        """Run `desilo` with arguments.

        Args:
            arguments: of the command.
            quiet: keep what it prints; otherwise it goes to standard error as it comes.

        Raises:
            KeyboardInterrupt: once the command has ended, too.
        """
        sources = sorted((self.folder / SOURCE).iterdir())
        surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
        surroundings["PYTHONPATH"] = os.pathsep.join(map(str, sources))
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
    folder = root / "-".join([*(f"{name}-{version}" for name, version in sorted(pins.items())), python])
    wanted = requirements() | {canonicalize_name(name): version for name, version in pins.items()}
    ready = folder / READY
    text = json.dumps(wanted, indent=1, sort_keys=True) + "\n"
    if not (ready.exists() and ready.read_text(encoding="utf-8") == text):
        shutil.rmtree(folder, ignore_errors=True)
        _call([sys.executable, "-m", "venv", str(folder)])
        pip = [str(_python(folder)), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
        _call([*pip, "--no-compile", *(f"{name}=={version}" for name, version in wanted.items())])
    link_source(folder / SOURCE)
    write_text(text, ready)
    return Environment(folder)


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


def link_source(folder: Path) -> None:
    """The portions of the namespace package as they are now, with a note of its version for `importlib.metadata`."""
    shutil.rmtree(folder, ignore_errors=True)
    for number, portion in enumerate(desilo.__path__):
        place = folder / f"{number}"
        place.mkdir(parents=True)
        (place / "desilo").symlink_to(Path(portion).resolve(), target_is_directory=True)
    version = metadata.version("desilo")
    note = folder / "0" / f"desilo-{version}.dist-info" / "METADATA"
    write_text(f"Metadata-Version: 2.1\nName: desilo\nVersion: {version}\n", note)


def _python(folder: Path) -> Path:
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-1:]
        raise NotInstalled(" ".join(said) or f"{' '.join(command[:4])} ended with status {done.returncode}")
