"""One training per content hash, whoever asks, and lanes that die."""

import asyncio

import pytest

from mtlens.config.run import Outcome
from mtlens.execution.job_queue import JobQueue


@pytest.fixture
def runs(make_run):
    return [make_run("grade", seed=seed) for seed in range(4)]


async def ask_and_close(job_queue, jobs):
    try:
        return await job_queue.submit(jobs)
    finally:
        await job_queue.close()


def done(run):
    return Outcome(job_id=run.run_id)


@pytest.mark.fault
def test_fifty_askers_cause_one_training(runs):
    async def scenario():
        job_queue = JobQueue()
        askers = [asyncio.create_task(job_queue.submit(runs[:1])) for _ in range(50)]
        await asyncio.sleep(0)
        taken = await job_queue.next(0, "g")
        await job_queue.complete(0, done(taken))
        return await asyncio.gather(*askers)

    assert asyncio.run(scenario()) == [[done(runs[0])]] * 50


def test_runs_are_handed_out_in_order_and_each_once(runs):
    async def scenario():
        job_queue = JobQueue()
        asker = asyncio.create_task(job_queue.submit(runs))
        await asyncio.sleep(0)
        taken = [await job_queue.next(lane, "g") for lane in range(4)]
        for lane, run in enumerate(taken):
            await job_queue.complete(lane, done(run))
        return taken, await asker

    taken, answers = asyncio.run(scenario())
    assert taken == runs
    assert answers == [done(run) for run in runs]


def test_a_restarted_lane_gets_its_run_back_first(runs):
    async def scenario():
        job_queue = JobQueue()
        asker = asyncio.create_task(job_queue.submit(runs[:2]))
        await asyncio.sleep(0)
        first = await job_queue.next(0, "g")
        again = await job_queue.next(0, "h")
        asker.cancel()
        return first, again

    first, again = asyncio.run(scenario())
    assert first == again == runs[0]


@pytest.mark.fault
def test_a_run_that_kills_its_lanes_is_failed_and_the_runs_beside_it_are_not(runs):
    """Every death restarts both lanes; the killer is told from the innocent by running each alone."""
    killer, innocent, waiting = runs[:3]

    async def scenario():
        job_queue = JobQueue()
        asker = asyncio.create_task(ask_and_close(job_queue, runs[:3]))
        await asyncio.sleep(0)
        await job_queue.next(0, "g"), await job_queue.next(1, "g")
        handed, group = [], "gg"
        lanes = {lane: asyncio.create_task(job_queue.next(lane, group)) for lane in (0, 1)}
        while not asker.done():
            await asyncio.sleep(0.001)
            for lane, task in list(lanes.items()):
                if not task.done() or (run := task.result()) is None:
                    continue
                handed.append(run)
                if run == killer:  # its process dies, and both lanes are started again
                    group += "g"
                    lanes = {other: asyncio.create_task(job_queue.next(other, group)) for other in (0, 1)}
                    break
                if not any(other.done() and other.result() == killer for other in lanes.values()):
                    await job_queue.complete(lane, done(run))
                    lanes[lane] = asyncio.create_task(job_queue.next(lane, group))
        return handed, await asker

    handed, answers = asyncio.run(asyncio.wait_for(scenario(), timeout=30))
    assert answers[0].reason.startswith("the process that worked on it died 3 times")
    assert answers[1:] == [done(innocent), done(waiting)]
    assert handed.count(killer) <= 3


def test_a_call_of_a_dead_process_gets_no_run(runs):
    async def scenario():
        job_queue = JobQueue()
        dead = asyncio.create_task(job_queue.next(1, "g"))
        await asyncio.sleep(0)
        alive = asyncio.create_task(job_queue.next(1, "g"))
        await asyncio.sleep(0)
        asker = asyncio.create_task(job_queue.submit(runs[:1]))
        answer = await alive
        await job_queue.complete(1, done(answer))
        return await dead, answer, await asker

    assert asyncio.run(scenario()) == (None, runs[0], [done(runs[0])])


def test_a_late_answer_takes_nothing_away_from_the_lane(runs):
    async def scenario():
        job_queue = JobQueue()
        asker = asyncio.create_task(job_queue.submit(runs[:2]))
        await asyncio.sleep(0)
        held = await job_queue.next(0, "g")
        await job_queue.complete(0, done(runs[1]))
        again = await job_queue.next(0, "h")
        asker.cancel()
        return held, again

    assert asyncio.run(scenario()) == (runs[0], runs[0])


def test_a_failure_is_tried_again_when_asked_again(runs):
    async def ask_and_give(job_queue, outcome):
        asker = asyncio.create_task(job_queue.submit(runs[:1]))
        await asyncio.sleep(0)
        await job_queue.next(0, "g")
        await job_queue.complete(0, outcome)
        return await asker

    async def scenario():
        job_queue = JobQueue()
        failed = await ask_and_give(job_queue, Outcome(job_id=runs[0].run_id, reason="no room"))
        return failed, await ask_and_give(job_queue, done(runs[0]))

    assert asyncio.run(scenario()) == ([Outcome(job_id=runs[0].run_id, reason="no room")], [done(runs[0])])


def test_after_the_last_runs_the_lanes_may_go(runs):
    async def scenario():
        job_queue = JobQueue()
        asker = asyncio.create_task(ask_and_close(job_queue, runs[:1]))
        await asyncio.sleep(0)
        idle = asyncio.create_task(job_queue.next(1, "g"))
        await job_queue.complete(0, done(await job_queue.next(0, "g")))
        return await asker, await idle

    assert asyncio.run(scenario()) == ([done(runs[0])], None)


@pytest.mark.fault
def test_a_smaller_group_does_what_the_lost_lanes_held(runs):
    """A node goes with lanes 1 and 2 of three; lane 0 is all that comes back."""

    async def scenario():
        job_queue = JobQueue()
        asker = asyncio.create_task(ask_and_close(job_queue, runs[:3]))
        await asyncio.sleep(0)
        held = [await job_queue.next(lane, "three") for lane in range(3)]
        again = []
        while (job := await job_queue.next(0, "one")) is not None:
            again.append(job)
            await job_queue.complete(0, done(job))
        return held, again, await asker

    held, again, answers = asyncio.run(asyncio.wait_for(scenario(), timeout=30))
    assert again == held == runs[:3]
    assert answers == [done(run) for run in runs[:3]]


def test_a_call_of_a_group_that_is_gone_gets_no_run(runs):
    async def scenario():
        job_queue = JobQueue()
        lost = asyncio.create_task(job_queue.next(1, "two"))
        await asyncio.sleep(0)
        asker = asyncio.create_task(job_queue.submit(runs[:1]))
        left = asyncio.create_task(job_queue.next(0, "one"))
        taken = [await lost, await left]
        asker.cancel()
        return taken

    assert asyncio.run(asyncio.wait_for(scenario(), timeout=30)) in ([None, runs[0]], [runs[0], runs[0]])


def test_nodes_that_come_and_go_are_no_runs_fault(runs):
    async def scenario():
        nodes = ["a"]
        job_queue = JobQueue(lambda: frozenset(nodes))
        asker = asyncio.create_task(job_queue.submit(runs[:1]))
        await asyncio.sleep(0)
        for number in range(10):
            nodes.append(str(number))
            await job_queue.next(0, str(number))
        await job_queue.complete(0, done(runs[0]))
        return await asker

    assert asyncio.run(asyncio.wait_for(scenario(), timeout=30)) == [done(runs[0])]
