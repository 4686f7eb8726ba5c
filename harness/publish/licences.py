"""The licences that a hub knows, by the identifiers that it takes in a card.

From its documentation (Hub, Repositories, Licenses; the list of 2026). `other` is left out: it
wants a text of its own, which nobody writes here.
"""

from difflib import get_close_matches

from tasks.base import InputError

_KNOWN_TO_HUB = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
    bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause
    bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0
    cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0
    cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
    eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research
    intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl openmdw-1.0
    openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license
    fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
    grok2-community gemma unknown
"""
LICENCES = frozenset(_KNOWN_TO_HUB.split())
_SPDX = {  # where SPDX has another name for one of these
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "pddl-1.0": "pddl",
    "c-uda-1.0": "c-uda",
    "agpl-3.0-only": "agpl-3.0",
    "gpl-2.0-only": "gpl-2.0",
    "gpl-3.0-only": "gpl-3.0",
    "lgpl-2.1-only": "lgpl-2.1",
    "lgpl-3.0-only": "lgpl-3.0",
}


def licence(identifier: str) -> str:
    """Return a licence as a hub takes it.

    Args:
        identifier: of SPDX, or the hub's own; capitals do not matter.

    Raises:
        InputError: the hub has no such licence; the message names near ones.
    """
    lower = identifier.strip().lower()
    name = _SPDX.get(lower, lower)
    if name not in LICENCES:
        near = get_close_matches(name, sorted(LICENCES), 3, 0.5) or ["cc-by-4.0", "apache-2.0"]
        raise InputError(
            f"`license` {identifier!r} is none that the hub knows: near are {', '.join(near)}"
        )
    return name
