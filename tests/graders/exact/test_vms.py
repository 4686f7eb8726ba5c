"""Fewest fragments, held against trying every sequence of moves; searches against their twins."""

from collections.abc import Sequence
from random import Random

import pytest
from msgspec.structs import replace

from generators.vms import generate
from graders.exact.vms import best_end, reference
from graders.exact.vms_search import (
    apply,
    beam,
    greedy,
    in_order,
    legal_moves,
    quick_bound,
    ranked_moves,
)
from tasks.vms_payload import Cluster, Host, Machine, Numa
from tasks.vms_placement import BOTH, Location, Move, Placement
from tests.depth import often
from tests.factories.clusters import State as Places
from tests.factories.clusters import (
    allowed,
    cluster,
    fewest,
    fragments,
    start,
    steps,
)


def state_of(placement: Placement) -> Places:
    hosts = placement.cluster.hosts
    return tuple(
        p and (hosts[p.host].id, None if p.numa == BOTH else p.numa) for p in placement.places
    )


@pytest.mark.heavy
@pytest.mark.parametrize("moves", [1, 2, 3])
def test_the_optimum_is_that_of_trying_all_moves(moves: int) -> None:
    """With two moves a wrong cut is missed: with three a further move makes room for an order."""
    gained = 0
    for k in range(often(4000)):
        payload = cluster(f"{moves}/{k}", moves=moves)
        best = reference(payload)
        least = fewest(payload)
        assert (best.status, best.objective, best.bound) == ("optimal", least, least), (moves, k)
        unhinted = best_end(Placement(payload), moves, hint=())
        assert (unhinted.fragments, unhinted.bound) == (least, least), (moves, k)
        gained += least < fragments(payload, start(payload))
    assert gained > often(800)


@pytest.mark.parametrize("part", range(2))
def test_the_optimum_of_three_hosts_is_that_of_trying_all_moves(part: int) -> None:
    for k in range(often(120)):
        payload = cluster(f"three/{part}/{k}", hosts=3, most=7)
        assert reference(payload).objective == fewest(payload), k


def test_an_end_state_without_an_order_is_cut_off_and_no_other() -> None:
    """Two machines would change places, and can if a third has made room before.

    To cut off all end states with those two moves would lose the optimum: with two moves at the
    most nobody would see it, with three it is another number.
    """
    hosts = (
        Host("h0", (Numa(6, 6), Numa(0, 2))),
        Host("h1", (Numa(5, 5), Numa(0, 2))),
        Host("h2", (Numa(4, 2), Numa(0, 1))),
    )
    vms = (
        Machine("v0", 3, 4, 1, "h1", 0),
        Machine("v1", 2, 2, 1, "h0", 0),
        Machine("v2", 3, 1, 1, "h0", 0),
    )
    payload = Cluster(hosts, vms, 3, chunk=3)
    placement = Placement(payload)
    swap = {0: Location(0, 0), 1: Location(1, 0)}
    assert in_order(placement, swap) == (None, True)
    moves = in_order(placement, {**swap, 2: Location(2, 0)})[0]
    assert moves == [(2, Location(2, 0)), (0, Location(0, 0)), (1, Location(1, 0))]
    for most, least in ((2, 4), (3, 1)):
        best = best_end(placement, most, hint=())
        assert (best.bound, best.fragments, fewest(replace(payload, moves=most))) == (least,) * 3


def test_an_order_is_found_exactly_where_there_is_one() -> None:
    found = 0
    for k in range(often(600)):
        payload = cluster(f"order/{k}")
        placement, rng = Placement(payload), Random(f"targets/{k}")
        chosen = rng.sample(range(len(payload.vms)), min(3, len(payload.vms)))
        targets = {
            vm: rng.choice([p for p in placement.everywhere(vm) if p != placement.places[vm]])
            for vm in chosen
        }
        moves, is_sure = in_order(placement, targets)
        assert is_sure
        assert (moves is not None) == _can_be_ordered(payload, targets)
        if moves is not None:
            found += 1
            assert dict(moves) == targets
            for move in moves:
                assert placement.move(*move)
    assert found > often(60)


def _can_be_ordered(payload: Cluster, targets: dict[int, Location]) -> bool:
    goal = {
        vm: (payload.hosts[p.host].id, None if p.numa == BOTH else p.numa)
        for vm, p in targets.items()
    }
    states = {start(payload)}
    for _ in targets:
        states = {
            (*state[:vm], goal[vm], *state[vm + 1 :])
            for state in states
            for vm in goal
            if state[vm] != goal[vm]
        }
        states = {state for state in states if allowed(payload, state)}
    return bool(states)


def test_moves_are_those_that_are_allowed_and_ranked_by_what_they_leave() -> None:
    for k in range(often(600)):
        payload = cluster(f"ranks/{k}")
        placement = Placement(payload)
        expected = {
            (vm, state): fragments(payload, state) for vm, state in steps(payload, start(payload))
        }
        legal = legal_moves(placement)
        ends = {(move[0], state_of(apply(placement, [move]))) for move in legal}
        assert ends == set(expected)
        ranked = ranked_moves(placement, (), 10**6)
        now = placement.fragments()
        assert now == fragments(payload, start(payload))
        assert sorted(ranked) == ranked
        assert {(vm, place) for _, vm, place in ranked} == set(legal)
        for change, vm, place in ranked:
            after = apply(placement, [(vm, place)])
            assert after.fragments() == now + change == expected[vm, state_of(after)]
        assert ranked_moves(placement, (), 3) == ranked[:3]
        assert ranked_moves(placement, {0}, 9) == [r for r in ranked if r[1] != 0][:9]


def test_a_beam_keeps_the_best_states_of_all_that_its_best_moves_lead_to() -> None:
    """Held against one that ranks every move anew, and every state by its placement."""
    reached = 0
    for k in range(often(200)):
        payload = cluster(f"beam/{k}", hosts=3, most=9)
        placement, width = Placement(payload), 1 + k % 4
        moves = _plain_beam(placement, 3, width)
        assert beam(placement, 3, width=width) == moves
        least, now = apply(placement, moves).fragments(), placement.fragments()
        for enough in range(now):
            early = apply(placement, beam(placement, 3, width=width, enough=enough)).fragments()
            assert (early <= enough) == (least <= enough)
            reached += least <= enough
    assert reached > often(200)


def _plain_beam(placement: Placement, most: int, width: int) -> list[Move]:
    def rank(state: Sequence[Move]) -> tuple[int, int]:
        after = apply(placement, state)
        rests = [cpu % placement.cluster.chunk for cpu in after.cpu]
        return sum(rests), -sum(rest * rest for rest in rests)

    best, states = list[Move](), [list[Move]()]
    for _ in range(most):
        children = dict[frozenset[Move], list[Move]]()
        for state in states:
            now = apply(placement, state)
            legal = legal_moves(now, [vm for vm, _ in state])
            legal.sort(key=lambda move: (apply(now, [move]).fragments(), move))
            for move in legal[:width]:
                children.setdefault(frozenset([*state, move]), [*state, move])
        states = sorted(children.values(), key=lambda each: (rank(each), each))[:width]
        best = min([best, *states[:1]], key=lambda each: rank(each)[0])
    return best


def test_no_search_beats_the_optimum_and_greedy_makes_the_best_single_moves() -> None:
    for k in range(often(300)):
        payload = cluster(f"searches/{k}")
        placement, best = Placement(payload), reference(payload)
        assert best.objective is not None
        assert quick_bound(placement) <= best.objective
        left = [apply(placement, f(placement, 3)).fragments() for f in (greedy, beam)]
        assert min(left) >= best.objective
        assert left[1] <= max(left)
        state, done = start(payload), set[int]()
        for _ in range(3):
            options = [
                (fragments(payload, s), vm, s) for vm, s in steps(payload, state) if vm not in done
            ]
            least = min(options, key=lambda o: o[0], default=None)
            if least is None or least[0] >= fragments(payload, state):
                break
            first = min(o[1] for o in options if o[0] == least[0])
            ties = [o for o in options if o[:2] == (least[0], first)]
            done.add(first)
            state = ties[0][2]
        assert state == state_of(apply(placement, greedy(placement, 3)))


@pytest.mark.parametrize("level", [2, 3, 4, 6])
def test_references_are_proven_and_their_moves_can_be_made(level: int) -> None:
    for index in range(3):
        instance = generate(level, 7, index, {})
        best, placement = instance.reference, Placement(instance.payload)
        assert best.status == "optimal"
        assert best.answer is not None
        assert len(best.answer["moves"]) <= instance.payload.moves
        assert best.objective is not None
        assert placement.fragments() - best.objective >= 32  # two chunks, as all that are kept


def test_the_same_moves_come_again() -> None:
    one = [generate(4, 3, k, {}).reference for k in range(2)]
    assert one == [generate(4, 3, k, {}).reference for k in range(2)]


def test_what_is_too_large_to_model_has_an_honest_bound() -> None:
    payload = generate(3, 0, 0, {}, reference=False).payload
    many = tuple(replace(host, id=f"{k}-{host.id}") for k in range(60) for host in payload.hosts)
    vms = tuple(
        replace(vm, id=f"{k}-{vm.id}", host=f"{k}-{vm.host}")
        for k in range(60)
        for vm in payload.vms
    )
    best = best_end(Placement(Cluster(many, vms, 5)), 5)
    assert (best.solver, len(best.moves)) == ("beam", 5)
    assert best.bound < best.fragments


def test_with_events_the_bound_knows_them_and_the_answer_does_not() -> None:
    """The answer is the optimum of what is shown; no moves made after the events go below."""
    for index in range(3):
        instance = generate(3, 2, index, {"delay": 6})
        payload, best = instance.payload, instance.reference
        shown = generate(3, 2, index, {}).reference
        assert best.answer is not None
        assert shown.answer == best.answer  # the same cluster, whatever happens to it
        after = Placement(payload)
        for event in payload.events:
            after.happen(event)
        assert best.bound == best_end(after, payload.moves).bound
        assert best.objective is not None
        assert best.bound is not None
        assert best.objective >= best.bound


def test_turn_by_turn_without_events_the_optimum_is_that_of_a_plan() -> None:
    for index in range(3):
        plan = generate(3, 5, index, {}).reference
        turns = generate(3, 5, index, {"track": "reactive"}).reference
        assert (turns.status, turns.objective) == ("optimal", plan.objective)
