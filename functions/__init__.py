"""Lambda's entry points, one folder each.

What a function imports stays for good: a hundred thousand things of which none is garbage. To look through them again
and again while they are made is a tenth of a first answer (docs/adr/0007-first-answers.md), so the collector waits for
as many new ones.
"""

import gc

gc.set_threshold(100_000, 10, 10)
