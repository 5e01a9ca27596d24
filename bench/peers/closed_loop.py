"""Threads that each call again as soon as they are answered: the same load as `loci bench` makes.

The rate counts calls answered within the window. Latencies also take in the calls still waiting at its end, with
the time waited so far: where callers starve behind an unfair lock, those that starve are not left out.
"""

import threading
import time
from collections.abc import Callable

# Until a write-ahead log is long enough to be reused in place, each commit also pays for the growth of its file.
WARM_UP_SECONDS = 3.0


def run(
    callers: int, seconds: float, make_call: Callable[[int], Callable[[int], None]], warm_up: float = WARM_UP_SECONDS
) -> dict:
    """`make_call(caller)` runs in the caller's thread and gives what is called with 0, 1, 2, …"""
    times: list[list[float]] = [[] for _ in range(callers)]
    waiting = [0.0] * callers
    failures: list[BaseException] = []
    ready = threading.Barrier(callers + 1)
    window = [0.0, 0.0]

    def loop(caller: int) -> None:
        try:
            call = make_call(caller)
            ready.wait()
            ready.wait()
            start, end = window
            own, count = times[caller], 0
            before = time.perf_counter()
            while before < end:
                call(count)
                after = time.perf_counter()
                if start <= after <= end:
                    own.append(after - before)
                elif after > end:
                    waiting[caller] = end - before
                count += 1
                before = after
        except threading.BrokenBarrierError:
            pass
        except BaseException as failure:
            failures.append(failure)
            ready.abort()

    threads = [threading.Thread(target=loop, args=(caller,), daemon=True) for caller in range(callers)]
    for thread in threads:
        thread.start()
    try:
        ready.wait()
        window[0] = time.perf_counter() + warm_up
        window[1] = window[0] + seconds
        ready.wait()
    except threading.BrokenBarrierError:
        pass
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return summary([value for own in times for value in own], waiting, seconds)


def summary(answered: list[float], waiting: list[float], seconds: float) -> dict:
    """The same fields as `loci bench` prints."""
    ordered = sorted(answered + [value for value in waiting if value > 0])

    def at(fraction: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * fraction))] * 1e6 if ordered else 0.0

    return {
        "calls": len(answered),
        "seconds": seconds,
        "rate": len(answered) / seconds,
        "p50_us": at(0.5),
        "p99_us": at(0.99),
        "errors": 0,
    }
