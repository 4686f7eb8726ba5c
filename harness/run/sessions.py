"""The command-line agent of a run: how it is declared, what it is here, and where it works."""

from msgspec import UNSET, UnsetType

from harness.agents.base import DIRECT, AgentKind, read_agent
from harness.agents.cli import CliSettings
from harness.calls.options import RunOptions
from harness.calls.sessions import SessionBench
from harness.sessions.definitions import InstalledAgent, installed_agent, read_agent_file
from harness.sessions.probes import installed_version, no_jail
from harness.store.manifest import Configuration
from tasks.base import InputError, Noun
from tasks.sessions import AgentFile

Means = tuple[str, ...] | UnsetType


def declared(settings: Noun) -> tuple[Noun, AgentFile | UnsetType]:
    """Return an agent's settings without the folder of a file, and the declaration that is meant.

    Args:
        settings: of any agent; one that works in no session has no declaration.

    Raises:
        InputError: there is no such declaration.
    """
    if not isinstance(settings, CliSettings):
        return settings, UNSET
    if not settings.agent:
        raise InputError("agent 'cli' needs an agent's name, such as cli:claude")
    return settings.anywhere, read_agent_file(settings.agent)


def allowed(kind: AgentKind, settings: Noun, file: AgentFile | UnsetType, *, unsafe: bool) -> Means:
    """Return what an agent lets models use, where that is more than the prompt.

    Args:
        kind: of the agent.
        settings: its own.
        file: the declaration of a command-line agent.
        unsafe: whether that works even where there is no jail.

    Raises:
        InputError: a command-line agent, or a package that programs may import, is not installed.
        SandboxFailure: there is no jail here, or the agent tells no version in it.
    """
    means = kind.means(settings)
    if isinstance(settings, CliSettings) and file:
        agent = installed_agent(settings.agent, file)
        means = tuple(sorted([*means, *_installed(agent, jailed=_is_jailed(unsafe))]))
    return UNSET if means == DIRECT else means


def _is_jailed(unsafe: bool) -> bool:
    return not (unsafe and no_jail())


def _installed(agent: InstalledAgent, *, jailed: bool) -> list[str]:
    """Return what an agent is here."""
    version = installed_version(agent, jailed=jailed)
    name = agent.name.removesuffix(".toml")
    words = [f"{name} {version}, configuration {agent.configuration}"]
    return words if jailed else [*words, "no jail"]


def open_sessions(configuration: Configuration, options: RunOptions) -> SessionBench | None:
    """Return where the command-line agent of a run works; None for an agent that is none.

    Raises:
        InputError: the agent is not installed, or here it is another than the run's.
        SandboxFailure: there is no jail here.
    """
    kind, settings = read_agent(configuration.agent, configuration.pipeline)
    file = configuration.session
    if not isinstance(settings, CliSettings) or not file:
        return None
    now = allowed(kind, settings, file, unsafe=options.unsafe)
    if now != configuration.means:
        began, here = (", ".join(means or ()) for means in (configuration.means, now))
        raise InputError(f"the run was begun with {began}; here it would be {here}")
    agent = installed_agent(settings.agent, file)
    return SessionBench(agent, options.programs, jailed=_is_jailed(options.unsafe))
