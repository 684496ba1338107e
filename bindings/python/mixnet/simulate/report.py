"""Predictions as a table and as a picture."""

COLUMNS = ("workers", "servers", "ms/step", "efficiency", "speedup", "samples/s", "busiest", "of the time", "staleness mean", "95 %", "lead")


def _row(prediction, servers):
    p, stale = prediction, prediction.staleness
    numbers = [f"{p.step_time * 1000:.4g}", f"{100 * p.efficiency:.1f} %", f"{p.speedup:.4g}", f"{p.samples_per_second:.4g}"]
    return [str(p.workers), str(servers), *numbers, p.busiest, f"{100 * p.busy:.0f} %", f"{stale['mean']:.4g}", str(stale["p95"]), str(stale["lead"])]


def table(trace, rows):
    """Text of (prediction, number of servers) pairs."""
    head = f"{trace.model or 'a net'}: {len(trace.names)} keys, {trace.bytes / 1e6:.1f} MB, {trace.compute * 1000:.4g} ms a step, {trace.samples} samples"
    cells = [COLUMNS, *(_row(*row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in cells]
    return "\n".join([head, "", *lines])


def plot(path, trace, predictions, title):
    """Writes a picture of speed-up and efficiency over the number of workers; ImportError without matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    workers = [p.workers for p in predictions]
    left.loglog(workers, workers, color="#bbbbbb", label="ideal")
    left.loglog(workers, [p.speedup for p in predictions], marker="o", label="predicted")
    left.set(xlabel="workers", ylabel="speed-up", title=trace.model or "speed-up")
    left.legend()
    right.semilogx(workers, [100 * p.efficiency for p in predictions], marker="o", color="#c0392b")
    right.set(xlabel="workers", ylabel="efficiency, per cent", ylim=(0, 105), title=title)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path)
