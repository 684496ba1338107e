"""Predicts how training scales: a recorded step of one machine, replayed on many over a modelled network.

    trace = mixnet.simulate.record(module, batch, steps=5)
    trace.save("trace.json")
    prediction = mixnet.simulate.simulate(trace, mixnet.simulate.Cluster(workers=100, servers=100, bandwidth=1.25e9))
    print(prediction.step_time, prediction.efficiency)

`mixnet simulate trace.json --workers 1 10 100` prints a table.
"""

from .cluster import Cluster, quantity
from .recording import record
from .run import Prediction, simulate
from .trace import Step, Trace

__all__ = ["Cluster", "Prediction", "Step", "Trace", "quantity", "record", "simulate"]
