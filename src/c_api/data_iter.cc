// Iterators over batches of data.
#include "c_api/handles.h"
#include "io/iter_registry.h"

using namespace mixnet;
using namespace mixnet::c_api;

namespace {

Json arrays_json(const std::vector<ArrayDesc>& arrays) {
  Json all = Json::array();
  for (const ArrayDesc& a : arrays) {
    Json j = Json::object(), shape = Json::array();
    for (int64_t extent : a.shape) shape.push_back(extent);
    j.set("name", a.name);
    j.set("shape", shape);
    j.set("dtype", dtype_name(a.dtype));
    j.set("layout", a.layout);
    all.push_back(j);
  }
  return all;
}

Json report_json(const IterReport& report) {
  Json j = Json::object(), faults = Json::array();
  for (const std::string& fault : report.faults) faults.push_back(fault);
  j.set("examples", report.examples);
  j.set("skipped", report.skipped);
  j.set("faults", faults);
  return j;
}

}  // namespace

int32_t mxn_data_iter_schemas(char** out_json) {
  return guard([&] {
    clear(out_json, "data_iter_schemas", "out_json");
    *out_json = copy_text(iter_schemas_json().dump());
  });
}

int32_t mxn_data_iter_create(const char* name, const char* const* keys, const char* const* values, int32_t count,
                             mxn_data_iter_t** out_iter) {
  return guard([&] {
    const char* const place = "data_iter_create";
    clear(out_iter, place, "out_iter");
    Attributes options;
    const Span<const char* const> names = list(keys, count, place, "keys"),
                                  texts = list(values, count, place, "values");
    for (size_t i = 0; i < names.size(); ++i)
      options.emplace_back(&required(names[i], place, "keys"), Value(&required(texts[i], place, "values")));
    *out_iter = new mxn_data_iter{make_iter(&required(name, place, "name"), options), {}, {}, {}};
  });
}

void mxn_data_iter_free(mxn_data_iter_t* iter) {
  guard([&] { delete iter; });
}

int32_t mxn_data_iter_next(mxn_data_iter_t* iter, const mxn_wait_t* wait, int32_t* out_more) {
  return guard([&] {
    clear(out_more, "data_iter_next", "out_more");
    mxn_data_iter& it = required(iter, "data_iter_next", "iter");
    it.batch.reset();
    Batch batch;
    if (!it.iter->next(&batch, make_wait(wait))) return;
    it.ids.assign(batch.index.begin(), batch.index.end());
    it.batch = std::move(batch);
    *out_more = 1;
  });
}

int32_t mxn_data_iter_batch(const mxn_data_iter_t* iter, mxn_ndarray_t*** out_arrays, int64_t* out_count,
                            int64_t* out_pad, const int64_t** out_ids, int64_t* out_num_ids) {
  return guard([&] {
    const char* const place = "data_iter_batch";
    clear(out_arrays, place, "out_arrays");
    clear(out_count, place, "out_count");
    clear(out_pad, place, "out_pad");
    clear(out_ids, place, "out_ids");
    clear(out_num_ids, place, "out_num_ids");
    const mxn_data_iter& it = required(iter, place, "iter");
    MIXNET_CHECK(it.batch, invalid, "[", place, "] iter: expected one with a batch, got one at an end of its epoch");
    std::vector<NDArray> arrays = it.batch->data;
    arrays.insert(arrays.end(), it.batch->label.begin(), it.batch->label.end());
    *out_arrays = make_array_list(arrays);
    *out_count = static_cast<int64_t>(arrays.size());
    *out_pad = it.batch->pad;
    *out_ids = it.ids.data();
    *out_num_ids = static_cast<int64_t>(it.ids.size());
  });
}

int32_t mxn_data_iter_reset(mxn_data_iter_t* iter) {
  return guard([&] {
    mxn_data_iter& it = required(iter, "data_iter_reset", "iter");
    it.batch.reset();
    it.iter->reset();
  });
}

int32_t mxn_data_iter_describe(const mxn_data_iter_t* iter, char** out_json) {
  return guard([&] {
    clear(out_json, "data_iter_describe", "out_json");
    const DataIter& it = *required(iter, "data_iter_describe", "iter").iter;
    Json j = Json::object();
    j.set("data", arrays_json(it.data()));
    j.set("label", arrays_json(it.label()));
    j.set("report", report_json(it.report()));
    *out_json = copy_text(j.dump());
  });
}
