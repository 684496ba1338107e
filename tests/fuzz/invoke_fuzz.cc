// mxn_op_invoke with any operator, tagged arguments and small arrays; what it makes is read back. Memory is capped at 8 MiB, so that
// calls for giant results must end in a memory error.
#include <cstdlib>
#include <cstring>
#include <deque>

#include "mixnet/c_api.h"
#include "random_call.h"
#include "target.h"

using namespace mixnet;
using namespace mixnet::fuzz;

namespace {

void check(int32_t status) {
  if (status == 0) return;
  char message[256] = "";
  mxn_error_copy(message, sizeof message);
  if (status == MXN_ERROR_INTERNAL || message[0] != '[') {
    std::fprintf(stderr, "status %d: %s\n", status, message);
    std::abort();
  }
}

// The arguments as the ABI takes them; owns the texts and lists.
struct Arguments {
  std::vector<mxn_arg_t> list;
  std::deque<std::string> texts;
  std::deque<std::vector<int64_t>> ints;
  std::deque<std::vector<double>> reals;

  void add(const OpSchema& op, const std::string& name, const Value& value) {
    mxn_arg_t a;
    std::memset(&a, 0, sizeof a);
    a.field = static_cast<int32_t>(op.field(name) - op.fields.data());
    switch (value.kind()) {
      case Value::Kind::none: a.tag = MXN_TAG_NONE; break;
      case Value::Kind::boolean: a.tag = MXN_TAG_BOOL, a.integer = value.as_int(); break;
      case Value::Kind::integer: a.tag = MXN_TAG_INT, a.integer = value.as_int(); break;
      case Value::Kind::real: a.tag = MXN_TAG_FLOAT, a.real = value.as_real(); break;
      case Value::Kind::text:
        texts.push_back(value.as_text());
        a.tag = MXN_TAG_TEXT, a.text = texts.back().c_str();
        break;
      case Value::Kind::ints: {
        const Shape list_of = value.as_ints();
        ints.emplace_back(list_of.begin(), list_of.end());
        a.tag = MXN_TAG_INTS, a.ints = ints.back().data(), a.count = static_cast<int64_t>(ints.back().size());
        break;
      }
      case Value::Kind::reals:
        reals.push_back(value.as_reals());
        a.tag = MXN_TAG_FLOATS, a.reals = reals.back().data(), a.count = static_cast<int64_t>(reals.back().size());
        break;
    }
    list.push_back(a);
  }
  // What no binding should send.
  void spoil(Bytes& bytes) {
    if (list.empty()) return;
    mxn_arg_t& a = list[bytes.below(list.size())];
    switch (bytes.below(5)) {
      case 0: a.field = static_cast<int32_t>(bytes.number()); break;
      case 1: a.tag = static_cast<int32_t>(bytes.number()); break;
      case 2: a.count = -1; break;
      case 3: a.text = nullptr, a.ints = nullptr, a.reals = nullptr; break;
      default: a.integer = bytes.raw();
    }
    if (a.tag == MXN_TAG_TEXT && !a.text) return;
    const bool lists = a.tag == MXN_TAG_INTS || a.tag == MXN_TAG_FLOATS;
    if (lists && !(a.tag == MXN_TAG_INTS ? static_cast<const void*>(a.ints) : a.reals)) a.count = bytes.number();
  }
};

void fill(mxn_ndarray_t* array, Bytes& bytes, int32_t dtype) {
  mxn_ndarray_info_t info;
  std::memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  check(mxn_ndarray_info(array, &info));
  std::vector<char> values(static_cast<size_t>(info.bytes));
  // Small whole numbers, so that they are indices too; sometimes any bits.
  const bool wild = bytes.byte() > 200;
  for (size_t i = 0; i < values.size(); ++i) values[i] = wild ? static_cast<char>(bytes.byte() + 37 * i) : 0;
  if (!wild && dtype == MXN_FLOAT32) {
    for (size_t i = 0; i + 4 <= values.size(); i += 4) {
      const float v = static_cast<float>(i / 4 % 5) - static_cast<float>(bytes.byte() % 3);
      std::memcpy(&values[i], &v, 4);
    }
  }
  // Any byte but 0 and 1 is no boolean.
  for (char& v : values) v = dtype == MXN_BOOL ? static_cast<char>(v & 1) : v;
  check(mxn_ndarray_copy_from_host(array, values.data(), info.bytes));
}

void read_back(mxn_ndarray_t* array) {
  mxn_ndarray_info_t info;
  std::memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  check(mxn_ndarray_info(array, &info));
  std::vector<char> values(static_cast<size_t>(info.bytes));
  check(mxn_ndarray_copy_to_host(array, values.data(), info.bytes, nullptr));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mxn_storage_set_limit(MXN_DEVICE_CPU, 0, 8 << 20);
  Bytes bytes(data, size);
  const RandomCall call = draw_call(bytes);
  Arguments arguments;
  for (const auto& [name, value] : call.attributes) {
    if (call.op->field(name)) arguments.add(*call.op, name, value);
  }
  if (bytes.byte() > 220) arguments.spoil(bytes);
  std::vector<mxn_ndarray_t*> inputs;
  for (size_t i = 0; i < call.shapes.size(); ++i) {
    mxn_ndarray_t* array = nullptr;
    const Shape& s = call.shapes[i];
    check(mxn_ndarray_create(s.data(), s.ndim(), static_cast<int32_t>(call.types[i]), MXN_DEVICE_CPU, 0, &array));
    int64_t n = array ? 1 : 0;
    for (int64_t extent : s) n = n == 0 || extent == 0 ? 0 : n > 4096 / extent ? 1 << 20 : n * extent;
    if (array && n <= 4096) fill(array, bytes, static_cast<int32_t>(call.types[i]));
    if (array && n > 4096) mxn_ndarray_free(array), array = nullptr;
    inputs.push_back(array);
  }
  mxn_ndarray_t* outputs[16] = {};
  int32_t count = 0;
  const mxn_op_t* op = nullptr;
  check(mxn_op_find(call.op->name.c_str(), &op));
  const int32_t status =
      mxn_op_invoke(op, inputs.data(), static_cast<int32_t>(inputs.size()), arguments.list.data(),
                    static_cast<int32_t>(arguments.list.size()), call.training, MXN_DEVICE_CPU, 0, outputs, 16, &count);
  check(status);
  if (status != 0 && (count != 0 || outputs[0])) std::abort();
  for (int32_t i = 0; i < count; ++i) read_back(outputs[i]);
  for (int32_t i = 0; i < count; ++i) mxn_ndarray_free(outputs[i]);
  for (mxn_ndarray_t* a : inputs) mxn_ndarray_free(a);
  mxn_wait_all(nullptr);
  return 0;
}

namespace mixnet::fuzz {
std::vector<std::string> seeds() { return call_seeds(); }
std::vector<std::string> dictionary() { return {}; }
}  // namespace mixnet::fuzz
