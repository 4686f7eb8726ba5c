"""Command-line agents as they are declared, those of the project and a user's own."""

import shutil
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness.digests import digest
from harness.sessions.jailed import Cell, CellLimits
from harness.sessions.mounts import SYSTEM
from tasks.base import InputError, Noun
from tasks.encoding import as_utf8
from tasks.near import did_you_mean
from tasks.sessions import AgentFile, SessionLimits

TASK = "Read INSTRUCTION.md in this folder and do what it says."
_SYSTEM = tuple(f"/{name}/" for name in SYSTEM)
_PATHS = ("/usr/local/bin", "/usr/bin", "/bin")


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

    def cell(self, files: Mapping[str, str], limits: SessionLimits, *, tools: bool = False) -> Cell:
        """Return a jail in which it does what INSTRUCTION.md among some files says.

        Args:
            files: texts in the folder of its work.
            limits: of the session.
            tools: whether some are offered over MCP.
        """
        bounds = CellLimits(limits.seconds, limits.cpu_seconds, limits.memory_mb)
        cell = self._cell(self.file.command, files, bounds)
        if not tools or self.file.mcp is None:
            return cell
        more = self.file.mcp
        return replace(
            cell,
            command=cell.command + more.command,
            user_files={**cell.user_files, **more.files},
        )

    def version_cell(self, limits: CellLimits) -> Cell:
        """Return a jail in which it prints its version."""
        return self._cell(self.file.version, {}, limits)

    def _cell(self, words: tuple[str, ...], texts: Mapping[str, str], limits: CellLimits) -> Cell:
        usual = {"HOME": "{home}", "PATH": self.path, "LANG": "C.UTF-8", "TZ": "UTC"}
        return Cell(
            command=tuple(word.replace("{task}", TASK) for word in words),
            environment=usual | self.file.environment,
            files=texts,
            user_files=self.file.files,
            folders=self.folders,
            limits=limits,
        )


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


def installed_agent(name: str, file: AgentFile) -> InstalledAgent:
    """Return an agent as this machine has it; InputError if it is not installed."""
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
