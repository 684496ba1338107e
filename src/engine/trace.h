// What the profiler recorded (base/profile.h), written out.
#pragma once
#include <string>

namespace mixnet {

// A file in Chrome's trace format, which chrome://tracing and Perfetto show: spans as complete events (X) with microseconds, counters
// (C), instants (i), names of threads (M). "otherData" says how many records were dropped. Throws Code::io.
void write_trace(const std::string& path);

// Sums, as JSON: {"Time": {category: {name: {"Count", "Total", "Min", "Max", "Avg"}}}, "Memory": {"Device Storage": {name: {"Count",
// "Min", "Max", "Avg"}}}, "Counter": {domain: {name: the same}}, "Unit": {"Time": "ms", "Memory": "kB"}, "Dropped": n}. With `restart`
// what was summed now is not summed again; the trace keeps it.
std::string aggregate_json(bool restart);

}  // namespace mixnet
