// Makes a graph for prediction of which the layers run on 8-bit numbers, with the operators of src/op/quantization, and fills in ranges.
//
// Convolutions and full layers get their data quantised and give int32 sums (BatchNorm and relu behind them are taken in), which are
// requantised where another such layer reads them and dequantised where anything else does. What only moves, chooses or adds values
// (pooling, flatten, relu, sums, Concat) stays among quantised ones. Weights become parameters of the new graph: 8-bit numbers with a
// range; how they come of the old ones is told as a graph too, so that whoever holds the values can compute them. Linear in the graph.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "symbol/graph.h"

namespace mixnet {

struct QuantizeOptions {
  std::vector<std::string> excluded_names, excluded_operators;  // these nodes, and those of these operators, stay float
  bool signed_only = true;     // int8 throughout; otherwise uint8 where nothing is negative
  bool unsigned_data = false;  // the inputs of the graph are uint8
  bool everything = false;     // also operators whose input is float anyway
  bool per_channel = false;    // weights have a range per output channel
};

struct Quantized {
  std::vector<Entry> heads;
  // The parameters of the new graph, by name, as values of the old graph's variables.
  std::vector<std::pair<std::string, Entry>> parameters;
};

Quantized quantize(const Graph& graph, const QuantizeOptions& options);

// Values of the float graph by the name of the entry (conv0_output, data): lowest and highest.
using ValueRanges = std::map<std::string, std::pair<double, double>>;
// The attribute of the nodes that want a range: the name of the entry whose.
extern const char* const calibrate_attribute;

// The heads of the graph whose quantising nodes know these ranges. Ranges of other entries are left alone.
std::vector<Entry> calibrate(const Graph& graph, const ValueRanges& ranges);

}  // namespace mixnet
