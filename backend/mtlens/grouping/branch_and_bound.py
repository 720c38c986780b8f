"""Exact search for the rows of a loss matrix with the least total loss over columns within a budget.

    minimise over S: sum_j min(e_j, min_{g in S} L_gj)    subject to: sum_{g in S} c_g <= B

Rows g are models, columns j tasks, and e_j is the loss of a task that no row serves: facility location with a budget for the
facilities. The bound is Lagrangian. At a price u_j for serving task j, a row is worth r_g = sum_j min(0, L_gj - u_j), and sum_j
u_j plus the fractional knapsack of the r_g lies below every affordable choice; subgradient steps look for prices that raise it.
Rows whose inclusion raises the bound above the best choice so far are dropped. Cornuejols, Fisher and Nemhauser 1977, "Location
of bank accounts to optimize float"; Held, Wolfe and Crowder 1974, "Validation of subgradient optimization".
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_ROOT_ROUNDS = 10  # of subgradient steps before the first branch; rows are dropped after each
_STEPS = 20  # in a round
_FEW = 50  # open rows up to which branching is cheaper than further subgradient steps
_PATIENCE = 5  # steps without a better bound before steps are halved
_MAX_COMPARED = 2048  # rows; comparing more of them pairwise costs more than it saves


@dataclass(kw_only=True, eq=False)
class BranchAndBound:
    """Depth-first search with the best choice so far. Of equal totals the cheaper choice wins, then the order of rows decides.

    losses `[G, T]` are finite, costs `[G]` positive. Totals that differ by at most `tolerance` are ties. The search stops after
    `max_nodes` nodes; it is then incomplete.
    """

    losses: Floats
    costs: Floats
    tolerance: float
    max_nodes: int
    total: float = field(default=np.inf, init=False)
    chosen: tuple[int, ...] = field(default=(), init=False)
    num_nodes: int = field(default=0, init=False)

    @property
    def is_complete(self) -> bool:
        """Whether the search was complete, so that the choice is optimal."""
        return self.num_nodes <= self.max_nodes

    def run(self, unserved: Floats, budget: float) -> None:
        """Search all choices; `unserved` `[T]` are the losses e of tasks that no row serves."""
        rows = np.flatnonzero(self.costs <= budget)
        prices = self._greedy(rows, unserved, budget)
        for _ in range(_ROOT_ROUNDS):
            if len(rows) <= _FEW:
                break
            bound = self._bound(rows, unserved, budget, prices)
            taken = rows[bound.taken]
            self._offer(tuple(taken.tolist()), np.minimum(unserved, self.losses[taken].min(axis=0, initial=np.inf)))
            rows, prices = rows[bound.with_row <= self.total + self.tolerance], bound.prices
        if len(rows) <= _MAX_COMPARED:
            rows = rows[~_dominated(self.losses[rows], self.costs[rows])]
        self._descend((), rows, unserved, budget, prices)

    def _greedy(self, rows: Rows, current: Floats, budget: float) -> Floats:
        """Add the row that lowers the total most for as long as one is affordable; returns the tasks' losses `[T]`."""
        chosen: tuple[int, ...] = ()
        while len(rows := rows[self.costs[rows] <= budget]):
            totals = np.minimum(self.losses[rows], current).sum(axis=1)
            if totals.min() >= current.sum() - self.tolerance:
                break
            best = int(rows[totals.argmin()])
            chosen, current, budget = (*chosen, best), np.minimum(current, self.losses[best]), budget - self.costs[best]
        self._offer(chosen, current)
        return current

    def _descend(self, chosen: tuple[int, ...], rows: Rows, current: Floats, budget: float, prices: Floats) -> None:
        """Search the choices that hold `chosen`, which leaves losses `current` `[T]`, and any of the open `rows`."""
        self.num_nodes += 1
        self._offer(chosen, current)
        rows = rows[(self.costs[rows] <= budget) & (self.losses[rows] < current).any(axis=1)]
        if len(rows) == 0:
            return
        if budget < 2 * self.costs[rows].min():
            totals = np.minimum(self.losses[rows], current).sum(axis=1)
            for row in rows[totals <= min(totals.min(), self.total) + self.tolerance]:
                self._offer((*chosen, int(row)), np.minimum(current, self.losses[row]))
            return
        bound = self._bound(rows, current, budget, prices)
        order = np.argsort(bound.rates, kind="stable")
        order = order[bound.with_row[order] <= self.total + self.tolerance]
        rows, without_earlier = rows[order], bound.with_none + budget * bound.rates[order]
        for place, row in enumerate(rows):
            if not self.is_complete or without_earlier[place] > self.total + self.tolerance:
                return
            left = budget - float(self.costs[row])
            self._descend((*chosen, int(row)), rows[place + 1 :], np.minimum(current, self.losses[row]), left, bound.prices)

    def _bound(self, rows: Rows, current: Floats, budget: float, prices: Floats) -> "_Bound":
        """The best bound within some steps from `prices` `[T]`; it ends early where it excludes every choice."""
        losses, costs = self.losses[rows], self.costs[rows]
        best = bound = _bound_at(prices, losses, costs, current, budget)
        scale, stale = 1.0, 0
        for _ in range(_STEPS):
            norm = float(bound.slope @ bound.slope)
            if best.value > self.total + self.tolerance or norm == 0:
                break
            step = scale * max(self.total - bound.value, self.tolerance) / norm
            bound = _bound_at(bound.prices + step * bound.slope, losses, costs, current, budget)
            best, stale = (bound, 0) if bound.value > best.value else (best, stale + 1)
            if stale == _PATIENCE:
                scale, stale = scale / 2, 0
        return best

    def _offer(self, chosen: tuple[int, ...], current: Floats) -> None:
        """Keep the choice where it is better than the best so far."""
        total = float(current.sum())
        if total > self.total + self.tolerance:
            return
        chosen = tuple(sorted(chosen))
        if total < self.total - self.tolerance or self._order(chosen) < self._order(self.chosen):
            self.total, self.chosen = min(total, self.total), chosen

    def _order(self, chosen: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        return float(self.costs[list(chosen)].sum()), chosen


@dataclass(frozen=True, kw_only=True, eq=False)
class _Bound:
    """A lower bound on all choices from the n open rows, and the bound on the choices that include a given row."""

    value: float
    with_none: float  # bound on the choices that add no open row
    with_row: Floats  # [n], >= value
    rates: Floats  # [n] worth per cost, <= 0
    taken: Rows  # those that fit into the budget as a whole
    prices: Floats  # [T]
    slope: Floats  # [T] a subgradient of the value by the prices


def _bound_at(prices: Floats, losses: Floats, costs: Floats, current: Floats, budget: float) -> _Bound:
    """The bound at prices u; losses `[n, T]`, costs `[n]` of the open rows, `current` `[T]` of the rows that are chosen."""
    worth = np.minimum(losses - prices, 0.0).sum(axis=1)
    rates = worth / costs
    order = np.argsort(rates, kind="stable")
    room = budget - (np.cumsum(costs[order]) - costs[order])
    shares = np.clip(room / costs[order], 0.0, 1.0) * (rates[order] < 0)
    taken = order[shares > 0]
    shares = shares[shares > 0]
    is_full = shares @ costs[taken] >= budget
    exchange = rates[taken[-1]] if is_full else 0.0  # what a unit of the budget is worth
    with_none = float(prices.sum() + np.minimum(current - prices, 0.0).sum())
    value = with_none + float(shares @ worth[taken])
    return _Bound(
        value=value,
        with_none=with_none,
        with_row=value + np.maximum(worth - exchange * costs, 0.0),
        rates=rates,
        taken=taken[shares == 1.0],
        prices=prices,
        slope=1.0 - (current < prices) - shares @ (losses[taken] < prices),
    )


def _dominated(losses: Floats, costs: Floats) -> NDArray[np.bool_]:
    """Whether another row serves every task as well at no higher cost, `[n]`; of equal rows the first is kept."""
    dominated = np.zeros(len(losses), dtype=np.bool_)
    for row in range(len(losses)):
        no_worse = (costs <= costs[row]) & (losses <= losses[row]).all(axis=1)
        no_better = (costs[row] <= costs) & (losses[row] <= losses).all(axis=1)
        no_worse[row:] &= ~no_better[row:]
        dominated[row] = no_worse.any()
    return dominated
