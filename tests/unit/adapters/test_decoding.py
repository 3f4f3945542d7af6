"""Records that many threads meet at once."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, which would end with a segmentation fault; each thread may be interrupted anywhere.
AT_ONCE = """
import sys, threading
from typing import Optional
import msgspec
from trueup.adapters.decoding import decoded

wide = msgspec.defstruct("Wide", [(f"field{number}", Optional[int], None) for number in range(60)])
kind = msgspec.defstruct("Kind", [("one", wide), ("more", list[wide])])
sys.setswitchinterval(1e-6)
meeting = threading.Barrier(8)
read = []

def run():
    meeting.wait()
    read.append(decoded('{"one": {"field59": 3}, "more": [{}]}', kind))

threads = [threading.Thread(target=run) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
print(sum(each.one.field59 for each in read))
"""


def test_threads_may_meet_a_kind_of_record_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "24", "")
