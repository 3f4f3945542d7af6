"""What has to be waited for is begun ahead, by several threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

# As many inputs may be in memory beside the one in hand.
AHEAD = 8
T = TypeVar("T")
R = TypeVar("R")


def ahead(things: Iterable[T], work: Callable[[T], R], most: int = AHEAD) -> Iterator[tuple[T, R]]:
    """Each thing with what `work` makes of it, in their order. Things are asked for by one thread, `most` ahead at
    most; work is done by as many. Raises what `work` raises, when the thing's turn comes, and what `things` does."""
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(most) as pool:
        try:
            for each in things:
                waiting.append((each, pool.submit(work, each)))
                if len(waiting) == most:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _next(waiting: deque[tuple[T, Future[R]]]) -> tuple[T, R]:
    thing, coming = waiting.popleft()
    return thing, coming.result()
