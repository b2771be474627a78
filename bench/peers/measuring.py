"""Time and memory, measured as `lora bench` measures its own processes."""
import os
import resource
import time


def peak_bytes():
    """Highest resident memory of this program; ru_maxrss would count the starter's memory before exec too."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def core_seconds():
    """Seconds of all cores since boot, those with work (or stolen) and all, and those of this process; Linux only."""
    try:
        with open("/proc/stat") as stat:
            ticks = [int(field) / 100 for field in stat.readline().split()[1:9]]
    except OSError:
        return None
    own = resource.getrusage(resource.RUSAGE_SELF)
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks), own.ru_utime + own.ru_stime


FIRST = (time.perf_counter(), core_seconds())


def others_since(before):
    """Share of all cores that other programs have used."""
    if before is None:
        return None
    busy, total, own = (after - start for after, start in zip(core_seconds(), before))
    return max(0, busy - own) / total


def seconds_since_start():
    """Seconds since this process was started, from Linux's table of processes; elsewhere since Python was."""
    try:
        with open("/proc/self/stat") as stat:
            ticks = int(stat.read().rpartition(")")[2].split()[19])
    except OSError:
        return time.perf_counter() - FIRST[0]
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def since_start():
    """A measurement from process start to now."""
    return {"seconds": [seconds_since_start()], "peakBytes": peak_bytes(), "others": others_since(FIRST[1])}


def timed(work, repeats):
    before, seconds = core_seconds(), []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "peakBytes": peak_bytes(), "others": others_since(before)}
