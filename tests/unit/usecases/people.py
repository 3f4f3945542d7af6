"""People who answer whatever is open."""

from __future__ import annotations

from tests.worlds import Loop
from trueup.usecases.submit_annotation import Submission


def people_answer(loop: Loop, label: str = "cat", names: tuple[str, ...] = ("ada", "ben")) -> None:
    """Each of them takes every task that they may, and says the same; labels are settled as answers come."""
    for name in names:
        while (claimed := loop.claim("pets", name)) is not None:
            loop.clock.advance(1)
            loop.submit(
                Submission(
                    project="pets",
                    task_id=claimed.task.task_id,
                    annotator=name,
                    label=label,
                    lease_token=claimed.lease.token,
                )
            )
            loop.settle("pets", claimed.task.task_id)
