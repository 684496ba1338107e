// The profiler: on and off, events of the program's own, results.
#include "base/profile.h"
#include "c_api/handles.h"
#include "engine/trace.h"

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_profiler_set_options(int32_t categories, int64_t max_events) {
  return guard([&] {
    MIXNET_CHECK(categories >= 0 && static_cast<uint32_t>(categories) <= profile::all_categories, invalid,
                 "[profiler_set_options] categories: expected bits below ", profile::all_categories + 1, ", got ",
                 categories);
    MIXNET_CHECK(max_events >= 0, invalid, "[profiler_set_options] max_events: expected at least 0, got ", max_events);
    profile::set_options(static_cast<uint32_t>(categories), max_events ? max_events : profile::default_limit);
  });
}

int32_t mxn_profiler_set_state(int32_t state) {
  return guard([&] {
    MIXNET_CHECK(state >= MXN_PROFILER_STOP && state <= MXN_PROFILER_RESUME, invalid,
                 "[profiler_set_state] state: expected 0, 1 or 2, got ", state);
    if (state == MXN_PROFILER_STOP) return profile::stop();
    profile::start(state == MXN_PROFILER_RUN);
  });
}

int32_t mxn_profiler_now(int64_t* out_ns) {
  return guard([&] { clear(out_ns, "profiler_now", "out_ns") = profile::now(); });
}

int32_t mxn_profiler_event(const char* domain, const char* name, int32_t kind, int64_t begin_ns, int64_t value) {
  return guard([&] {
    const profile::Text text{&required(name, "profiler_event", "name"), &required(domain, "profiler_event", "domain")};
    const int64_t now = profile::now();
    MIXNET_CHECK(kind >= MXN_PROFILER_SPAN && kind <= MXN_PROFILER_COUNTER, invalid,
                 "[profiler_event] kind: expected 0, 1 or 2, got ", kind);
    MIXNET_CHECK(kind != MXN_PROFILER_SPAN || (begin_ns > 0 && begin_ns <= now), invalid,
                 "[profiler_event] begin_ns: expected a time of mxn_profiler_now, got ", begin_ns);
    if (!profile::on(profile::Category::user)) return;
    if (kind == MXN_PROFILER_SPAN) profile::add_span(profile::Category::user, begin_ns, now, text);
    if (kind == MXN_PROFILER_INSTANT) profile::add_instant(profile::Category::user, now, text);
    if (kind == MXN_PROFILER_COUNTER) profile::add_counter(profile::Category::user, now, value, text);
  });
}

int32_t mxn_profiler_dump(const char* path) {
  return guard([&] { write_trace(&required(path, "profiler_dump", "path")); });
}

int32_t mxn_profiler_aggregate(int32_t restart, char** out_json) {
  return guard([&] {
    clear(out_json, "profiler_aggregate", "out_json");
    *out_json = copy_text(aggregate_json(restart != 0));
  });
}
