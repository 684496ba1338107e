"""Prediction on 8-bit numbers beside float32 and bfloat16, and beside onnxruntime's int8 (QDQ).

python benchmarks/int8.py [--nets ResNet-50] [--batches 1 32] [--seconds 3]
Milliseconds, median of the time given to each side, interleaved in one run. Weights are random, quantised per output channel; both
libraries calibrate on the inputs. Outputs are not compared: where weights are random, rounding may well choose another class
(benchmarks/int8_accuracy.py counts right answers of trained nets).
"""

import tempfile

import case
import contestants
import driver
import nets
import rows
import table

ANYTHING = float("inf")  # goes as the same


def ratio(ours, theirs):
    """Their median by ours; None when one has none."""
    return theirs.seconds / ours.seconds if ours.seconds and theirs.seconds else None


def main():
    parser = rows.parser(__doc__)
    parser.add_argument("--nets", nargs="+", default=["ResNet-50"], choices=list(nets.ALL))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32])
    options = parser.parse_args()
    peers = contestants.of_dtypes()
    ours, rival = f"{contestants.OURS} int8", "onnxruntime int8"
    caption = f"Prediction in 8 bits: milliseconds, median of {options.seconds:g} s per side, interleaved"
    shown = [peer.column for peer in peers]
    out = table.Table("int8", caption, ["net", "batch", *shown, "float32 / int8", f"{rival} / ours"])
    peaks = []
    for name in options.nets:
        for batch in options.batches:
            with tempfile.TemporaryDirectory() as folder:
                paths = case.write(folder, nets.ALL[name].make(), case.images(nets.shape(name, batch)))
                found, peak = driver.measure(peers, paths, options.seconds, ANYTHING, options.together, mode="predict")
            results = {result.column: result for result in found}
            peaks += [peak] if peak else []
            ratios = [ratio(results[ours], results[other]) for other in (shown[0], rival)]
            out.add([name, str(batch), *(table.time_cell(results[c]) for c in shown), *(table.number(r) for r in ratios)])
    out.note(rows.machine(peers, peaks))
    out.save()


if __name__ == "__main__":
    main()
