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


def seconds_since_start():
    """Seconds since this process was started, from Linux's table of processes."""
    with open("/proc/self/stat") as stat:
        ticks = int(stat.read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def timed(work, repeats):
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "peakBytes": peak_bytes()}
