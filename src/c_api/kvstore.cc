// Key-value stores.
#include <algorithm>
#include <fstream>
#include <set>

#include "base/environment.h"
#include "c_api/handles.h"
#include "executor/invoke.h"
#include "kvstore/dist/serve.h"
#include "ndarray/sparse_parts.h"

using namespace mixnet;
using namespace mixnet::c_api;

namespace {

KVStore& store_of(const mxn_kvstore_t* handle, const char* place) { return *required(handle, place, "store").store; }

std::vector<std::string> read_keys(const char* const* keys, int64_t count, const char* place) {
  std::vector<std::string> result;
  for (const char* key : list(keys, count, place, "keys")) result.emplace_back(&required(key, place, "keys"));
  return result;
}

// Of keys and arrays side by side, those where there is an array.
struct Given {
  std::vector<std::string> keys;
  std::vector<NDArray> arrays;
  void add(const std::string& key, const NDArray& array) {
    if (array.none()) return;
    keys.push_back(key);
    arrays.push_back(array);
  }
};

KVStore::Updater updater_of(mxn_updater_fn fn, const std::shared_ptr<UserData>& data) {
  return [fn, data](const std::string& key, const NDArray& received, const NDArray& stored) {
    mxn_ndarray r{received}, w{stored};
    data->run("updater", [&](void* user_data) { return fn(user_data, key.c_str(), &r, &w); });
  };
}

// Stores hold dense values; sparse arrays travel as their rows.
NDArray dense_like(const NDArray& array) {
  return array.dense() ? array : NDArray(array.shape(), array.dtype(), array.device());
}
std::vector<NDArray> dense_values(std::vector<NDArray> arrays) {
  for (NDArray& a : arrays) {
    if (a.none() || a.dense()) continue;
    const NDArray sparse = a;
    convert(sparse, a = dense_like(sparse));
  }
  return arrays;
}

// Row-sparse arrays of keys of which nothing else is pushed go as rows.
void push_any(KVStore& store, const std::vector<std::string>& keys, const std::vector<NDArray>& values, int priority) {
  std::set<std::string> whole;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (values[i].kind() != StorageKind::row_sparse) whole.insert(keys[i]);
  }
  Given dense, numbers, rows;
  for (size_t i = 0; i < keys.size(); ++i) {
    const NDArray ids = whole.count(keys[i]) ? NDArray() : sparse_part(values[i], SparsePart::indices);
    if (ids.none()) {
      dense.add(keys[i], dense_values({values[i]})[0]);
      continue;
    }
    numbers.add(keys[i], ids);
    rows.add(keys[i], sparse_part(values[i], SparsePart::values));
  }
  if (!dense.keys.empty() || keys.empty()) store.push(dense.keys, dense.arrays, priority);
  if (!rows.keys.empty()) store.push_rows(rows.keys, numbers.arrays, rows.arrays, priority);
}

// Runs a pull into dense arrays, and converts what is to be sparse; `ids`: the rows that those store, or empty.
template <class Pull>
void pull_any(const std::vector<NDArray>& outputs, const std::vector<NDArray>& ids, Pull pull) {
  std::vector<NDArray> dense;
  for (const NDArray& out : outputs) dense.push_back(dense_like(out));
  pull(dense);
  static const OpSchema& retain = registry().at("_sparse_retain");
  for (size_t i = 0; i < outputs.size(); ++i) {
    const NDArray& out = outputs[i];
    if (out.dense()) continue;
    convert(dense[i], out);
    if (ids.empty() || out.kind() != StorageKind::row_sparse) continue;
    std::vector<NDArray> kept{out};
    const NDArray inputs[] = {out, ids[i].reshape(Shape{ids[i].size()})};
    invoke(retain, retain.make_params({}), inputs, kept);
  }
}

// To standard error when the path is "-".
void append_line(const std::string& path, const std::string& line) {
  std::ofstream(path == "-" ? "/dev/stderr" : path, std::ios::app) << line + "\n";
}

}  // namespace

int32_t mxn_kvstore_create(const char* type, mxn_kvstore_t** out_store) {
  return guard([&] {
    clear(out_store, "kvstore_create", "out_store");
    *out_store = new mxn_kvstore{make_kvstore(&required(type, "kvstore_create", "type"))};
  });
}

void mxn_kvstore_free(mxn_kvstore_t* store) {
  guard([&] { delete store; });
}

int32_t mxn_kvstore_init(mxn_kvstore_t* store, const char* const* keys, mxn_ndarray_t* const* values, int64_t count) {
  return guard([&] {
    store_of(store, "kvstore_init")
        .init(read_keys(keys, count, "kvstore_init"),
              dense_values(read_arrays(values, count, "kvstore_init", "values")));
  });
}

int32_t mxn_kvstore_replace(mxn_kvstore_t* store, const char* const* keys, mxn_ndarray_t* const* values,
                            int64_t count) {
  return guard([&] {
    store_of(store, "kvstore_replace")
        .replace(read_keys(keys, count, "kvstore_replace"),
                 dense_values(read_arrays(values, count, "kvstore_replace", "values")));
  });
}

int32_t mxn_kvstore_push(mxn_kvstore_t* store, const char* const* keys, mxn_ndarray_t* const* values, int64_t count,
                         int32_t priority) {
  return guard([&] {
    push_any(store_of(store, "kvstore_push"), read_keys(keys, count, "kvstore_push"),
             read_arrays(values, count, "kvstore_push", "values"), priority);
  });
}

int32_t mxn_kvstore_pull(mxn_kvstore_t* store, const char* const* keys, mxn_ndarray_t* const* outputs, int64_t count,
                         int32_t priority) {
  return guard([&] {
    KVStore& s = store_of(store, "kvstore_pull");
    const std::vector<std::string> names = read_keys(keys, count, "kvstore_pull");
    pull_any(read_arrays(outputs, count, "kvstore_pull", "outputs"), {},
             [&](const std::vector<NDArray>& dense) { s.pull(names, dense, priority); });
  });
}

int32_t mxn_kvstore_push_pull(mxn_kvstore_t* store, const char* const* keys, mxn_ndarray_t* const* values,
                              mxn_ndarray_t* const* outputs, int64_t count, int32_t priority) {
  return guard([&] {
    const char* place = "kvstore_push_pull";
    const std::vector<std::string> names = read_keys(keys, count, place);
    const std::vector<NDArray> in = read_arrays(values, count, place, "values", true);
    const std::vector<NDArray> out = read_arrays(outputs, count, place, "outputs", true);
    Given pushed, pulled;
    for (size_t i = 0; i < names.size(); ++i) {
      pushed.add(names[i], in[i]);
      pulled.add(names[i], out[i]);
    }
    KVStore& s = store_of(store, place);
    const auto dense = [](const NDArray& a) { return a.dense(); };
    const bool plain = std::all_of(in.begin(), in.end(), dense) && std::all_of(out.begin(), out.end(), dense);
    if (plain && pushed.keys == names && pulled.keys == names) return s.push_pull(names, in, out, priority);
    push_any(s, pushed.keys, pushed.arrays, priority);
    pull_any(pulled.arrays, {}, [&](const std::vector<NDArray>& to) { s.pull(pulled.keys, to, priority); });
  });
}

int32_t mxn_kvstore_push_rows(mxn_kvstore_t* store, const char* const* keys, mxn_ndarray_t* const* row_ids,
                              mxn_ndarray_t* const* values, int64_t count, int32_t priority) {
  return guard([&] {
    const char* place = "kvstore_push_rows";
    store_of(store, place)
        .push_rows(read_keys(keys, count, place), read_arrays(row_ids, count, place, "row_ids"),
                   dense_values(read_arrays(values, count, place, "values")), priority);
  });
}

int32_t mxn_kvstore_pull_rows(mxn_kvstore_t* store, const char* const* keys, mxn_ndarray_t* const* outputs,
                              mxn_ndarray_t* const* row_ids, int64_t count, int32_t priority) {
  return guard([&] {
    const char* place = "kvstore_pull_rows";
    KVStore& s = store_of(store, place);
    const std::vector<std::string> names = read_keys(keys, count, place);
    const std::vector<NDArray> ids = read_arrays(row_ids, count, place, "row_ids");
    pull_any(read_arrays(outputs, count, place, "outputs"), ids,
             [&](const std::vector<NDArray>& dense) { s.pull_rows(names, dense, ids, priority); });
  });
}

int32_t mxn_kvstore_set_compression(mxn_kvstore_t* store, const char* type, double threshold) {
  return guard([&] {
    const char* place = "kvstore_set_compression";
    store_of(store, place).set_compression(make_compression(&required(type, place, "type"), threshold));
  });
}

int32_t mxn_kvstore_set_consistency(mxn_kvstore_t* store, const char* consistency) {
  return guard([&] {
    const char* place = "kvstore_set_consistency";
    const std::string name = &required(consistency, place, "consistency");
    MIXNET_CHECK(name == "sequential" || name == "eventual", invalid, "[", place,
                 "] consistency: expected sequential or eventual, got '", name, "'");
    store_of(store, place).set_consistency(name == "eventual" ? Consistency::eventual : Consistency::sequential);
  });
}

int32_t mxn_kvstore_set_updater(mxn_kvstore_t* store, mxn_updater_fn fn, void* user, mxn_destroy_fn destroy) {
  return guard([&] {
    auto data = std::make_shared<UserData>(user, destroy);
    KVStore& s = store_of(store, "kvstore_set_updater");
    if (!fn) return s.set_updater({});
    s.set_updater(updater_of(fn, data));
  });
}

int32_t mxn_kvstore_set_optimizer(mxn_kvstore_t* store, mxn_optimizer_t* optimizer) {
  return guard([&] {
    KVStore& s = store_of(store, "kvstore_set_optimizer");
    s.set_optimizer(required(optimizer, "kvstore_set_optimizer", "optimizer").optimizer);
  });
}

int32_t mxn_kvstore_rank(const mxn_kvstore_t* store, int32_t* out_rank, int32_t* out_size) {
  return guard([&] {
    clear(out_rank, "kvstore_rank", "out_rank");
    clear(out_size, "kvstore_rank", "out_size");
    *out_rank = store_of(store, "kvstore_rank").rank();
    *out_size = store_of(store, "kvstore_rank").size();
  });
}

int32_t mxn_kvstore_statistics(mxn_kvstore_t* store, char** out_json) {
  return guard([&] {
    clear(out_json, "kvstore_statistics", "out_json");
    *out_json = copy_text(store_of(store, "kvstore_statistics").statistics());
  });
}

int32_t mxn_kvstore_save(mxn_kvstore_t* store, const char* prefix) {
  return guard([&] { store_of(store, "kvstore_save").save(&required(prefix, "kvstore_save", "prefix")); });
}

int32_t mxn_kvstore_serve(mxn_updater_fn fn, void* user, mxn_destroy_fn destroy, const mxn_cancel_t* cancel) {
  return guard([&] {
    auto data = std::make_shared<UserData>(user, destroy);
    dist::ServeOptions options;
    if (fn) options.updater = updater_of(fn, data);
    options.cancel = cancel ? &cancel->token : nullptr;
    const std::string path = environment_string("PS_LOG", "");
    options.log = [&path](const std::string& line) { append_line(path, line); };
    if (path.empty()) options.log = nullptr;
    dist::serve(dist::GroupSettings::from_environment(), options);
  });
}

int32_t mxn_kvstore_make_key(char** out_pair) {
  return guard([&] {
    clear(out_pair, "kvstore_make_key", "out_pair");
    const dist::GroupKey key = dist::make_group_key();
    *out_pair = copy_text(key.public_key + "\n" + key.secret_key + "\n");
  });
}

int32_t mxn_kvstore_barrier(mxn_kvstore_t* store) {
  return guard([&] { store_of(store, "kvstore_barrier").barrier(); });
}
