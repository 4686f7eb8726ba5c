"""Command-line agents as they are declared, those of the project and a user's own."""

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import msgspec

from harness.digests import digest
from harness.sessions import jail
from harness.sessions.jailed import PORT, Cell
from tasks.base import InputError, Noun
from tasks.encoding import as_utf8
from tasks.near import did_you_mean

TASK = "Read INSTRUCTION.md in this folder and do what it says."
URL = f"http://127.0.0.1:{PORT}"
_SYSTEM = tuple(f"/{name}/" for name in jail.SYSTEM)
_PATHS = ("/usr/local/bin", "/usr/bin", "/bin")


class AgentFile(Noun, frozen=True):
    """A command-line agent. `{task}` and `{url}` stand for what to do and the proxy's address.

    Attributes:
        command: words; it ends when the agent is done, and asks nobody.
        version: words of a command that prints the agent's version.
        environment: variables; none of this machine's are there.
        files: texts by their paths in the agent's own home folder.
        folders: of this machine that it needs beside its own, read-only.
    """

    command: tuple[str, ...]
    version: tuple[str, ...]
    environment: dict[str, str] = {}
    files: dict[str, str] = {}
    folders: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.command and self.version):
            raise ValueError("`command` and `version` need at least one word each")
        for folder in self.folders:
            if not folder.startswith("/"):
                raise ValueError(f"`folders`: {folder!r} must begin with a slash")


class InstalledAgent(Noun, frozen=True):
    """A declared agent as this machine has it.

    Attributes:
        name: by which it is asked for.
        file: its declaration.
        folders: all that it needs of this machine.
        path: where it looks for programs.
    """

    name: str
    file: AgentFile
    folders: tuple[str, ...]
    path: str

    @property
    def configuration(self) -> str:
        """Return the digest of its declaration."""
        return digest(self.file)

    def cell(self, files: dict[str, str], seconds: float) -> Cell:
        """Return a jail in which it does what INSTRUCTION.md among some files says."""
        return self._cell(self.file.command, files, seconds)

    def version_cell(self, seconds: float) -> Cell:
        """Return a jail in which it prints its version."""
        return self._cell(self.file.version, {}, seconds)

    def _cell(self, command: tuple[str, ...], texts: dict[str, str], seconds: float) -> Cell:
        home = {"HOME": jail.USER_HOME, "PATH": self.path, "LANG": "C.UTF-8", "TZ": "UTC"}
        variables = {key: _filled(text) for key, text in self.file.environment.items()}
        return Cell(
            command=tuple(map(_filled, command)),
            environment=home | variables,
            files=texts,
            user_files={name: _filled(text) for name, text in self.file.files.items()},
            folders=self.folders,
            seconds=seconds,
        )


def _filled(text: str) -> str:
    return text.replace("{task}", TASK).replace("{url}", URL)


def own_names() -> tuple[str, ...]:
    """Return the names of the agents that come with the project, sorted."""
    folder = files(__package__) / "agents"
    return tuple(sorted(each.name.removesuffix(".toml") for each in folder.iterdir()))


def read_agent_file(name: str) -> AgentFile:
    """Return the declaration of an agent: one of the project's, or a file's that ends in `.toml`.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    if not name.endswith(".toml"):
        names = own_names()
        if name not in names:
            raise InputError(
                f"no command-line agent {name!r}: there are {', '.join(names)}, or a file that"
                f" ends in .toml{did_you_mean(name, names)}"
            )
        data = (files(__package__) / "agents" / f"{name}.toml").read_bytes()
        return msgspec.toml.decode(data, type=AgentFile)
    try:
        return msgspec.toml.decode(as_utf8(Path(name).read_bytes()), type=AgentFile)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: {error}") from None


def installed_agent(name: str) -> InstalledAgent:
    """Return an agent as this machine has it; InputError if it is not declared or not installed."""
    file = read_agent_file(name)
    program = shutil.which(file.command[0])
    if program is None:
        raise InputError(
            f"{name}: the program {file.command[0]!r} is not installed, or not in PATH"
        )
    roots = tuple(dict.fromkeys([*file.folders, *_roots(Path(program))]))
    bins = [str(Path(program).parent), *(str(Path(r) / "bin") for r in roots)]
    needed = [each for each in roots if not f"{each}/".startswith(_SYSTEM)]
    path = ":".join(dict.fromkeys([*bins, *_PATHS]))
    return InstalledAgent(name, file, folders=tuple(needed), path=path)


def _roots(program: Path) -> Iterator[str]:
    """Yield the folders that a program is installed in, and those of what runs it."""
    place = program.resolve()
    packages = [each for each in place.parents if each.name == "node_modules"]
    settings = place.parent.parent / "pyvenv.cfg"
    if packages:
        yield str(packages[-1])
        if node := shutil.which("node"):
            yield str(Path(node).resolve().parent.parent)
    elif settings.is_file():
        yield str(settings.parent)
        for line in settings.read_text("utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                yield str(Path(value.strip()).resolve().parent)
    else:
        yield str(place.parent)
