// Optimizers.
#include "c_api/handles.h"

using namespace mixnet;
using namespace mixnet::c_api;

namespace {

Optimizer& optimizer_of(const mxn_optimizer_t* handle, const char* place) {
  return *required(handle, place, "optimizer").optimizer;
}

}  // namespace

int32_t mxn_optimizer_schemas(char** out_json) {
  return guard([&] {
    clear(out_json, "optimizer_schemas", "out_json");
    *out_json = copy_text(Optimizer::schemas().dump());
  });
}

int32_t mxn_optimizer_create(const char* name, const char* const* keys, const char* const* values, int32_t count,
                             mxn_optimizer_t** out_optimizer) {
  return guard([&] {
    const char* const place = "optimizer_create";
    clear(out_optimizer, place, "out_optimizer");
    Attributes options;
    const Span<const char* const> names = list(keys, count, place, "keys"),
                                  texts = list(values, count, place, "values");
    for (size_t i = 0; i < names.size(); ++i)
      options.emplace_back(&required(names[i], place, "keys"), Value(&required(texts[i], place, "values")));
    *out_optimizer = new mxn_optimizer{std::make_shared<Optimizer>(&required(name, place, "name"), options)};
  });
}

void mxn_optimizer_free(mxn_optimizer_t* optimizer) {
  guard([&] { delete optimizer; });
}

int32_t mxn_optimizer_update(mxn_optimizer_t* optimizer, const char* const* keys, mxn_ndarray_t* const* weights,
                             mxn_ndarray_t* const* grads, int64_t count) {
  return guard([&] {
    const char* const place = "optimizer_update";
    Optimizer& o = optimizer_of(optimizer, place);
    const Span<const char* const> names = list(keys, count, place, "keys");
    const std::vector<NDArray> w = read_arrays(weights, count, place, "weights"),
                               g = read_arrays(grads, count, place, "grads");
    for (const char* key : names) required(key, place, "keys");
    for (size_t i = 0; i < names.size(); ++i) o.update(names[i], w[i], g[i]);
  });
}

int32_t mxn_optimizer_set(mxn_optimizer_t* optimizer, const char* option, double value) {
  return guard([&] {
    optimizer_of(optimizer, "optimizer_set").set(&required(option, "optimizer_set", "option"), Value(value));
  });
}

int32_t mxn_optimizer_set_multipliers(mxn_optimizer_t* optimizer, const char* key, double lr_mult, double wd_mult) {
  return guard([&] {
    const char* const place = "optimizer_set_multipliers";
    optimizer_of(optimizer, place).set_multipliers(&required(key, place, "key"), lr_mult, wd_mult);
  });
}

int32_t mxn_optimizer_save(const mxn_optimizer_t* optimizer, const char* path) {
  return guard([&] {
    const Optimizer& o = optimizer_of(optimizer, "optimizer_save");
    save_arrays(&required(path, "optimizer_save", "path"), o.states());
  });
}

int32_t mxn_optimizer_load(mxn_optimizer_t* optimizer, const char* path) {
  return guard([&] {
    Optimizer& o = optimizer_of(optimizer, "optimizer_load");
    o.restore(load_arrays(&required(path, "optimizer_load", "path")));
  });
}
