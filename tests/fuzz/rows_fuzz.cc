// CSVIter, LibSVMIter and MNISTIter over any bytes: every epoch ends, in batches or in an error with its place, and the next one says the same; shares
// of a file that can be read are the whole.
//
// The first byte of an input chooses the iterator and the batch, the second the shape; the rest is the file, for MNISTIter both files,
// of which the second begins where the second byte says.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/iter_registry.h"
#include "io/source_schemes.h"
#include "target.h"

using namespace mixnet;

namespace {

struct Told {
  int64_t rows = 0;
  std::string error;
  bool operator==(const Told& other) const { return rows == other.rows && error == other.error; }
};

Told epoch_of(DataIter& iter, int64_t most) {
  Told told;
  try {
    for (Batch batch; iter.next(&batch);) {
      const int64_t rows = iter.data()[0].shape[0] - batch.pad;
      if (rows < 1 || static_cast<int64_t>(batch.index.size()) != rows + batch.pad) std::abort();
      told.rows += rows;
      if (told.rows > most) std::abort();
    }
  } catch (const Error& e) {
    if (e.code() != Code::io) std::abort();
    told.error = e.what();
  }
  return told;
}

Told read(const std::string& name, Attributes params, int64_t part, int64_t parts, int64_t most) {
  params.emplace_back("part_index", part);
  params.emplace_back("num_parts", parts);
  try {
    const std::unique_ptr<DataIter> iter = make_iter(name, params);
    const Told first = epoch_of(*iter, most);
    iter->reset();
    if (!(epoch_of(*iter, most) == first)) std::abort();
    return first;
  } catch (const Error& e) {
    if (e.code() != Code::io && e.code() != Code::invalid && e.code() != Code::shape) std::abort();
    return {0, e.what()};
  }
}

void open_inputs(const uint8_t* data, size_t size, size_t second) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  second = std::min(second, size);
  register_scheme("fuzz", [bytes, second](const std::string& uri) {
    if (uri == "fuzz://first") return make_memory_source(uri, bytes.data(), second);
    if (uri == "fuzz://second") return make_memory_source(uri, bytes.data() + second, bytes.size() - second);
    return make_memory_source(uri, bytes.data(), bytes.size());
  });
}

Attributes params_of(int kind, int64_t shape) {
  if (kind == 0) return {{"data_libsvm", "fuzz://all"}, {"data_shape", shape}};
  if (kind == 1) return {{"image", "fuzz://first"}, {"label", "fuzz://second"}};
  Attributes csv{{"data_csv", "fuzz://all"}, {"data_shape", shape}, {"dtype", kind == 2 ? "float32" : "int32"}};
  if (kind == 4) csv.insert(csv.end(), {{"label_csv", "fuzz://all"}, {"label_shape", shape}});
  return csv;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const int kind = data[0] % 5;
  Attributes params = params_of(kind, 1 + data[1] % 4);
  params.emplace_back("batch_size", kind == 1 ? 1 : 1 + data[0] / 5 % 7);
  params.emplace_back("prefetch_buffer", 0);
  if (kind != 1) params.emplace_back("round_batch", false);
  open_inputs(data + 2, size - 2, data[1]);
  const std::string name = kind == 0 ? "LibSVMIter" : kind == 1 ? "MNISTIter" : "CSVIter";
  const int64_t most = static_cast<int64_t>(size);
  const Told whole = read(name, params, 0, 1, most);
  int64_t rows = 0;
  for (int64_t part = 0; part < 3; ++part) rows += read(name, params, part, 3, most).rows;
  if (whole.error.empty() && rows != whole.rows) std::abort();
  return 0;
}

namespace mixnet::fuzz {

std::vector<std::string> seeds() {
  const std::string images("\0\0\x08\3\0\0\0\1\0\0\0\1\0\0\0\2ab", 18), labels("\0\0\x08\1\0\0\0\1\7", 9);
  return {std::string("\x02\x01") + "1,2\n3,-4.5\n+6e3,nan\n",
          std::string("\x07\x01") + "1, 2\r\n\n3,4\n",
          std::string("\x03\x02") + "1,2,3\n-2147483648,0,7\n",
          std::string("\x04\x01") + "1,2\n3,4\n5,6\n",
          std::string("\x05\x03") + "1 0:1.5 3:-2 # no\n-2.5\n7 qid:3 1:1e-3\n",
          std::string("\x01\x12") + images + labels};
}

std::vector<std::string> dictionary() {
  return {",",   "\n", "\r\n",  ":",      "#",          "qid:",         "nan",
          "inf", "-",  "1e999", "1e-999", "2147483648", "\xEF\xBB\xBF", std::string("\0\0\x08\3", 4)};
}

}  // namespace mixnet::fuzz
