"""Runs are what they were: a faster simulator decides, and counts, the same to the nanosecond."""

from hashlib import sha256

import msgspec
import pytest

from graders.exact.serving_measure import job_costs
from graders.exact.serving_server import RefusedPlan
from graders.exact.serving_simulator import ServingRun
from harness.families.serving import PLANS
from tests.factories.services import REGIMES, small_case

DIGESTS = {
    "first-come": "31aaaa9b1acaeab8",
    "conservative": "7c2d3bab33200051",
    "past-future": "bc74e7737e5f9d31",
    "shortest": "d6d243ec82fb3ad0",
    "mc-sf": "1cb8ece24ec12fb8",
    "prefill-first": "c97e94b4e0fb5d13",
    "chunk-128": "d4847afe1e5f0047",
    "chunk-2048": "6c37db74b5b88e6e",
    "layered": "efec49f3feb0b5bd",
    "flow-prefill": "a2e6ffb2ef7de0c6",
    "continuum": "a2841d1c37fe29be",
    "continuum-released": "4ee4e93ac1ce5990",
    "vtc": "7409015bc7cfc86b",
    "on-demand": "aeacd9e600916bc2",
    "urgency": "dd50d75704961f3d",
    "hybrid": "99ead2054d302a5f",
}


def digest(name: str) -> str:
    """The digest of a policy's runs of two small workloads of each regime."""
    runs: list[object] = []
    for regime in REGIMES:
        for number in (0, 1):
            run = ServingRun(small_case(regime, number), PLANS[name][1]())
            try:
                log = run.run()
            except RefusedPlan as refused:
                runs.append([refused.kind, str(refused), run.log])
                continue
            times = [[r.first, r.last, r.done, r.gap, r.evictions, r.out] for r in run.requests]
            runs.append([log, times, run.stats, run.iterations, run.asks, job_costs(run)])
    return sha256(msgspec.json.encode(runs)).hexdigest()[:16]


@pytest.mark.heavy
@pytest.mark.parametrize("name", PLANS)
def test_a_run_is_what_it_was(name: str) -> None:
    assert digest(name) == DIGESTS[name]
