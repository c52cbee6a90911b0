"""In which order the factors of a network are multiplied: the cheapest, by dynamic programming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc.optimize.price import Prices

#: An order of multiplication, as a stack machine has it: a factor's number puts it on the stack,
#: `JOIN` multiplies the two on top.
Order = tuple[int, ...]
JOIN = -1
#: Pairs of partial products that are looked at; past it the cheapest pair is taken each time.
_PAIRS = 20_000


@dataclass(slots=True)
class Orders:
    """Finds orders of multiplication, each question once.

    Attributes:
        prices: what a product costs.
        known: what was found, by the letters of the factors and their sizes.
    """

    prices: Prices
    known: dict[object, tuple[Order, float]] = field(
        default_factory=dict[object, tuple[Order, float]]
    )

    def best(
        self, masks: Sequence[int], kept: int, sizes: Sequence[float], width: float
    ) -> tuple[Order, float]:
        """Returns the cheapest order, and its seconds.

        Args:
            masks: the letters of each factor, as bits.
            kept: the letters of the result, as bits.
            sizes: the size of each letter.
            width: bytes of an element.
        """
        key = (tuple(masks), kept, tuple(sizes), width)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = _Search(masks, kept, sizes, width, self.prices).run()
        return found


class _Search:
    def __init__(
        self,
        masks: Sequence[int],
        kept: int,
        sizes: Sequence[float],
        width: float,
        prices: Prices,
    ) -> None:
        self.masks, self.kept, self.sizes = list(masks), kept, sizes
        self.width, self.prices = width, prices
        self.counts: dict[int, float] = {0: 1.0}

    def run(self) -> tuple[Order, float]:
        parts = [self._component(group) for group in self._groups()]
        # Nothing joins what is left: outer products, small ones first.
        parts.sort(key=lambda part: self._count(part[2]))
        order, taken, letters = parts[0]
        for other, cost, more in parts[1:]:
            taken += cost + self._pair(letters, more, letters | more)
            order, letters = (*order, *other, JOIN), letters | more
        return order, taken

    def _count(self, letters: int) -> float:
        found = self.counts.get(letters)
        if found is None:
            low = letters & -letters
            found = self._count(letters ^ low) * self.sizes[low.bit_length() - 1]
            self.counts[letters] = found
        return found

    def _groups(self) -> list[list[int]]:
        """Returns the factors that letters join."""
        left = list(range(len(self.masks)))
        groups: list[list[int]] = []
        while left:
            group = [left.pop(0)]
            letters = self.masks[group[0]]
            more = True
            while more:
                joined = [i for i in left if self.masks[i] & letters]
                more = bool(joined)
                for i in joined:
                    letters |= self.masks[i]
                group += joined
                left = [i for i in left if i not in joined]
            groups.append(sorted(group))
        return groups

    def _pair(self, left: int, right: int, made: int) -> float:
        """Returns the seconds of the product of two parts."""
        union = left | right
        counts = self._count(left), self._count(right), self._count(made)
        if union == made or left == right:  # nothing is summed, or no axis stands alone
            machine = self.prices.machine
            moved = sum(counts) * self.width / machine.moved
            return self._count(union) / machine.scalar_flops + moved + machine.launch
        return self.prices.product(self._count(union), *counts, self.width)

    def _later(self, inside: int) -> int:
        """Returns the letters that something outside a set of factors needs."""
        letters = self.kept
        for i, mask in enumerate(self.masks):
            if not inside >> i & 1:
                letters |= mask
        return letters

    def _component(self, group: Sequence[int]) -> tuple[Order, float, int]:
        """Returns (order, seconds, letters) of factors that belong together."""
        best: dict[int, tuple[float, Order, int]] = {
            1 << i: (0.0, (i,), self.masks[i]) for i in group
        }
        by_size: list[list[int]] = [[], list(best)]
        pairs = 0
        for size in range(2, len(group) + 1):
            made: dict[int, None] = {}
            for less in range(1, size // 2 + 1):
                for one in by_size[less]:
                    for two in by_size[size - less]:
                        pairs += 1
                        if one & two or (2 * less == size and one > two):
                            continue
                        cost_one, order_one, left = best[one]
                        cost_two, order_two, right = best[two]
                        if not left & right:
                            continue
                        both = one | two
                        letters = (left | right) & self._later(both)
                        cost = cost_one + cost_two + self._pair(left, right, letters)
                        if both not in best or cost < best[both][0]:
                            best[both] = (cost, (*order_one, *order_two, JOIN), letters)
                            made[both] = None
                if pairs > _PAIRS:
                    return self._greedy(group)
            by_size.append(list(made))
        whole = sum([1 << i for i in group])
        cost, order, letters = best[whole]
        return order, cost, letters

    def _greedy(self, group: Sequence[int]) -> tuple[Order, float, int]:
        parts: dict[int, tuple[Order, int]] = {1 << i: ((i,), self.masks[i]) for i in group}
        total = 0.0
        while len(parts) > 1:
            found: tuple[float, int, int, int] | None = None
            names = list(parts)
            for at, one in enumerate(names):
                for two in names[at + 1 :]:
                    left, right = parts[one][1], parts[two][1]
                    if not left & right:
                        continue
                    letters = (left | right) & self._later(one | two)
                    cost = self._pair(left, right, letters)
                    if found is None or cost < found[0]:
                        found = (cost, one, two, letters)
            assert found is not None  # letters join them all
            cost, one, two, letters = found
            total += cost
            (first, _), (second, _) = parts.pop(one), parts.pop(two)
            parts[one | two] = ((*first, *second, JOIN), letters)
        ((order, letters),) = parts.values()
        return order, total, letters
