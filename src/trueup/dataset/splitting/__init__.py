"""Ways of splitting: one file each, one line in the table.

A way is asked about units that have no split yet. What has one keeps it: a group stays where it is (trueup.dataset.
placing), whatever the way and its shares become later.
"""

from __future__ import annotations

from trueup.dataset.splitting import by_group, by_time, stratified
from trueup.dataset.splitting.units import Splitter

SPLITTERS: dict[str, Splitter] = {"group": by_group.split, "time": by_time.split, "stratified": stratified.split}
