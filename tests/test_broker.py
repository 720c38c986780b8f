"""One training per content hash, whoever asks, and lanes that die."""

import asyncio

import pytest

from backend.fleet.broker import MAX_DEATHS, Broker
from backend.spec import Outcome


@pytest.fixture
def runs(make_run):
    return [make_run("grade", seed=seed) for seed in range(4)]


def done(run):
    return Outcome(run_id=run.run_id)


def test_fifty_askers_cause_one_training(runs):
    async def scenario():
        broker = Broker()
        askers = [asyncio.create_task(broker.ask(runs[:1])) for _ in range(50)]
        await asyncio.sleep(0)
        taken = await broker.take(0)
        await broker.give(0, done(taken))
        answers = await asyncio.gather(*askers)
        await broker.close()
        return answers, await broker.take(0)

    answers, further = asyncio.run(scenario())
    assert answers == [[done(runs[0])]] * 50
    assert further is None


def test_runs_are_handed_out_in_order_and_each_once(runs):
    async def scenario():
        broker = Broker()
        asker = asyncio.create_task(broker.ask(runs))
        await asyncio.sleep(0)
        taken = [await broker.take(lane) for lane in range(4)]
        for lane, run in enumerate(taken):
            await broker.give(lane, done(run))
        return taken, await asker

    taken, answers = asyncio.run(scenario())
    assert taken == runs
    assert answers == [done(run) for run in runs]


def test_a_restarted_lane_gets_its_run_back_first(runs):
    async def scenario():
        broker = Broker()
        asker = asyncio.create_task(broker.ask(runs[:2]))
        await asyncio.sleep(0)
        first = await broker.take(0)
        again = await broker.take(0)
        asker.cancel()
        return first, again

    first, again = asyncio.run(scenario())
    assert first == again == runs[0]


def test_a_run_that_takes_its_lanes_down_is_failed_and_the_next_one_goes_on(runs):
    async def scenario():
        broker = Broker()
        asker = asyncio.create_task(broker.ask(runs[:2]))
        await asyncio.sleep(0)
        taken = [await broker.take(0) for _ in range(MAX_DEATHS + 1)]
        await broker.give(0, done(runs[1]))
        return taken, await asker

    taken, answers = asyncio.run(scenario())
    assert taken == [runs[0]] * MAX_DEATHS + [runs[1]]
    assert answers[0].reason == f"the process that trained it died {MAX_DEATHS} times"
    assert answers[1] == done(runs[1])


def test_a_failure_is_tried_again_when_asked_again(runs):
    async def ask_and_give(broker, outcome):
        asker = asyncio.create_task(broker.ask(runs[:1]))
        await asyncio.sleep(0)
        await broker.take(0)
        await broker.give(0, outcome)
        return await asker

    async def scenario():
        broker = Broker()
        failed = await ask_and_give(broker, Outcome(run_id=runs[0].run_id, reason="no room"))
        return failed, await ask_and_give(broker, done(runs[0]))

    assert asyncio.run(scenario()) == ([Outcome(run_id=runs[0].run_id, reason="no room")], [done(runs[0])])


def test_lanes_wait_for_work_and_leave_when_there_will_be_none(runs):
    async def scenario():
        broker = Broker()
        lane = asyncio.create_task(broker.take(0))
        await asyncio.sleep(0)
        waiting = not lane.done()
        await broker.close()
        return waiting, await lane

    assert asyncio.run(scenario()) == (True, None)


def test_after_the_last_runs_the_lanes_may_go(runs):
    async def scenario():
        broker = Broker()
        asker = asyncio.create_task(broker.ask_last(runs[:1]))
        await asyncio.sleep(0)
        idle = asyncio.create_task(broker.take(1))
        await broker.give(0, done(await broker.take(0)))
        return await asker, await idle

    assert asyncio.run(scenario()) == ([done(runs[0])], None)
