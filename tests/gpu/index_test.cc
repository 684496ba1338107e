// Operators that gather, scatter and sort, on GPUs: more elements than the registry's samples have, numbers that meet in one place, and indices
// out of range.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "executor/invoke.h"
#include "op/evaluate.h"

namespace mixnet::test {
namespace {

constexpr DeviceId gpu{DeviceKind::gpu, 0};

// `shift` elements behind the beginning of its memory.
NDArray put(const Tensor& t, DeviceId device, int64_t shift = 0) {
  NDArray a(t.shape(), t.dtype(), device);
  if (shift > 0) a = NDArray({t.size() + shift}, t.dtype(), device).slice(shift, t.size() + shift).reshape(t.shape());
  Tensor copy = t;
  if (a.bytes() > 0) a.copy_from_host(copy.view().data, a.bytes());
  return a;
}
Tensor got(const NDArray& a) {
  a.wait_to_read();
  Tensor t(a.shape(), a.dtype());
  if (a.bytes() > 0) a.copy_to_host(t.view().data, a.bytes());
  return t;
}
std::vector<Tensor> run(DeviceId device, const std::string& name, const Attributes& attributes,
                        const std::vector<Tensor>& inputs, int64_t shift = 0) {
  const OpSchema& op = registry().at(name);
  std::vector<NDArray> in, out;
  for (const Tensor& t : inputs) in.push_back(put(t, device, shift));
  InvokeOptions options;
  options.training = true;
  options.device = device;
  invoke(op, op.make_params(attributes), in, out, options);
  std::vector<Tensor> results;
  for (const NDArray& a : out) results.push_back(got(a));
  return results;
}

Tensor whole_numbers(const Shape& shape, DType dtype, double low, double high, uint64_t seed) {
  Tensor t = random_tensor(shape, dtype, low, high, seed);
  for (int64_t i = 0; i < t.size(); ++i) t.set(i, std::floor(t.get(i)));
  return t;
}

// Bit for bit, but for NaN.
void check_same(const std::string& name, const Attributes& attributes, const std::vector<Tensor>& inputs,
                int64_t shift = 0) {
  const std::vector<Tensor> want = run({}, name, attributes, inputs), have = run(gpu, name, attributes, inputs, shift);
  REQUIRE(want.size() == have.size());
  for (size_t o = 0; o < want.size(); ++o) {
    REQUIRE(have[o].shape() == want[o].shape());
    int64_t different = 0;
    for (int64_t i = 0; i < want[o].size(); ++i) {
      const double a = want[o].get(i), b = have[o].get(i);
      different += !(a == b || (std::isnan(a) && std::isnan(b)));
    }
    CHECK_MESSAGE(different == 0, name, " output ", o, ": ", different, " of ", want[o].size(), " elements differ");
  }
}

}  // namespace

TEST_CASE("gpu: sorting many lines, with equal elements and NaN") {
  for (DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64, DType::u8, DType::i8,
                      DType::boolean}) {
    for (const Shape& shape : {Shape{1, 3000}, Shape{37, 129, 3}, Shape{700, 2}}) {
      Tensor x = whole_numbers(shape, dtype, dtype == DType::u8 ? 0 : -40, 40, 3);
      if (dtype_is_float(dtype)) {
        for (int64_t i = 0; i < x.size(); i += 11) x.set(i, i % 2 ? std::nan("") : -0.0);
        x.set(1, std::numeric_limits<double>::infinity());
        x.set(2, -std::numeric_limits<double>::infinity());
        for (int64_t i = 3; i < x.size(); i += 7) x.set(i, x.get(i) + 1 / 128.0);
      }
      for (const char* axis : {"None", "0", "1", "-1"}) {
        for (bool ascend : {true, false}) {
          check_same("argsort", {{"axis", axis}, {"is_ascend", ascend}, {"dtype", "int32"}}, {x});
          check_same("sort", {{"axis", axis}, {"is_ascend", ascend}}, {x});
        }
      }
      check_same("topk", {{"axis", 0}, {"k", 1}, {"ret_typ", "both"}, {"dtype", "int64"}}, {x});
      check_same("topk", {{"axis", 1}, {"k", 2}, {"ret_typ", "mask"}, {"is_ascend", true}}, {x});
    }
  }
}

TEST_CASE("gpu: rows that are looked up many times get the sum in the order of the lookups") {
  for (DType index : {DType::f32, DType::i32, DType::i64, DType::u8}) {
    const Tensor rows = whole_numbers({41, 50}, index, index == DType::u8 ? 0 : -5, 80, 1);
    const Tensor table = random_tensor({70, 33}, DType::f32, -1, 1, 2),
                 dy = random_tensor({41, 50, 33}, DType::f32, -1, 1, 3);
    const Attributes shape{{"input_dim", 70}, {"output_dim", 33}};
    check_same("Embedding", shape, {rows, table});
    check_same("_backward_Embedding", shape, {dy, rows, table});
    for (const char* mode : {"clip", "wrap"}) {
      const Tensor x = random_tensor({3, 70, 5}, DType::f32, -1, 1, 4),
                   g = random_tensor({3, 41, 50, 5}, DType::f32, -1, 1, 5);
      check_same("take", {{"axis", 1}, {"mode", mode}}, {x, rows});
      check_same("_backward_take", {{"axis", 1}, {"mode", mode}}, {g, rows, x});
    }
  }
}

TEST_CASE("gpu: slices with one address are added, or the last one counts") {
  const Tensor index = whole_numbers({2, 400}, DType::i64, -7, 7, 1),
               x = random_tensor({7, 9, 5}, DType::f32, -1, 1, 2);
  const Tensor slices = random_tensor({400, 5}, DType::f32, -1, 1, 3);
  check_same("gather_nd", {}, {x, index});
  check_same("_backward_gather_nd", {}, {slices, index, x});
  check_same("scatter_nd", {{"shape", Shape{7, 9, 5}}}, {slices, index});
  check_same("_scatter_set_nd", {{"shape", Shape{7, 9, 5}}}, {x, slices, index});
}

// Rows of whole words of 16 bytes, of narrower ones, and what begins at an odd address. Sums of small whole numbers are exact.
TEST_CASE("gpu: rows are moved and added in words as wide as they allow") {
  for (DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64, DType::u8, DType::i8}) {
    for (int64_t inner : {1, 2, 5, 12, 32}) {
      for (int64_t shift : {0, 1, 8}) {
        const Tensor rows = whole_numbers({90}, DType::i32, -2, 9, 1);
        const Tensor table = whole_numbers({8, inner}, dtype, 0, 100, 2),
                     dy = whole_numbers({90, inner}, dtype, 0, 2, 3);
        const Attributes shape{{"input_dim", 8}, {"output_dim", inner}};
        check_same("Embedding", shape, {rows, table}, shift);
        check_same("_backward_Embedding", shape, {dy, rows, table}, shift);
        check_same("_backward_take", {{"axis", 1}},
                   {whole_numbers({2, 90, inner}, dtype, 0, 2, 3), rows, whole_numbers({2, 8, inner}, dtype, 0, 2, 4)},
                   shift);
        const Tensor address = whole_numbers({1, 90}, DType::i32, 0, 8, 4);
        check_same("gather_nd", {}, {table, address}, shift);
        check_same("_scatter_set_nd", {{"shape", table.shape()}}, {table, dy, address}, shift);
      }
    }
  }
}

TEST_CASE("gpu: sequences are moved in words as wide as their steps allow") {
  for (DType dtype : {DType::f32, DType::f64, DType::f16, DType::i8}) {
    for (int64_t inner : {1, 3, 16}) {
      for (const char* axis : {"0", "1"}) {
        const Tensor x = random_tensor({9, 7, inner}, dtype, -9, 9, 1);
        const int64_t batch = *axis == '0' ? 7 : 9;
        const Tensor lengths = whole_numbers({batch}, dtype, 0, 12, 2);
        const Attributes attributes{{"use_sequence_length", true}, {"axis", axis}};
        for (int64_t shift : {0, 1}) {
          if (*axis == '0') check_same("SequenceReverse", attributes, {x, lengths}, shift);
          check_same("SequenceLast", attributes, {x, lengths}, shift);
          check_same("SequenceMask", {{"use_sequence_length", true}, {"axis", axis}, {"value", -3}}, {x, lengths},
                     shift);
          check_same("_backward_SequenceLast", attributes,
                     {run({}, "SequenceLast", attributes, {x, lengths})[0], x, lengths}, shift);
        }
      }
    }
  }
}

TEST_CASE("gpu: indices out of range are an error in mode raise, and nothing is touched where they cannot be") {
  const Tensor x = random_tensor({4, 3}, DType::f32, -1, 1, 1);
  Tensor index = whole_numbers({600}, DType::i32, 0, 4, 2);
  check_same("take", {{"mode", "raise"}}, {x, index});
  index.set(500, -2);
  index.set(599, 4);
  for (const DeviceId device : {DeviceId{}, gpu}) {
    CHECK_THROWS_WITH(run(device, "take", {{"mode", "raise"}}, {x, index}),
                      doctest::Contains("[take] indices: expected values in [0, 4), got -2"));
  }
  Tensor address({1, 2}, DType::i32);
  address.set(0, -4);
  address.set(1, 4);
  const Tensor taken = run(gpu, "gather_nd", {}, {x, address})[0];
  CHECK(taken.get(0) == x.get(0));
  CHECK(taken.get(3) == 0);
  const Tensor slices = random_tensor({2, 3}, DType::f32, 1, 2, 2);
  const Tensor made = run(gpu, "scatter_nd", {{"shape", Shape{4, 3}}}, {slices, address})[0];
  for (int64_t i = 0; i < 12; ++i) CHECK(made.get(i) == (i < 3 ? slices.get(i) : 0));
  const Tensor sums = run(gpu, "_backward_gather_nd", {}, {slices, address, x})[0];
  for (int64_t i = 0; i < 12; ++i) CHECK(sums.get(i) == (i < 3 ? slices.get(i) : 0));
}

TEST_CASE("gpu: slices where a mask is not zero, however many these are") {
  const Tensor x = random_tensor({3, 1000, 2}, DType::f32, -1, 1, 1);
  for (DType dtype : {DType::f32, DType::f16, DType::i32, DType::boolean}) {
    for (double high : {0.9, 1.5, 3.0}) {
      Tensor mask = random_tensor({1000}, dtype, 0, high, 2);
      if (high < 1)
        for (int64_t i = 0; i < 1000; ++i) mask.set(i, 0);
      if (high > 2)
        for (int64_t i = 0; i < 1000; ++i) mask.set(i, 1);
      check_same("_contrib_boolean_mask", {{"axis", 1}}, {x, mask});
      const Tensor chosen = run({}, "_contrib_boolean_mask", {{"axis", 1}}, {x, mask})[0];
      check_same("_backward_boolean_mask", {{"axis", 1}}, {chosen, mask, x});
    }
  }
}

TEST_CASE("gpu: bins of many elements") {
  const Tensor x = random_tensor({5000}, DType::f32, -2, 2, 1);
  check_same("_histogram", {{"bin_cnt", 37}, {"range", std::vector<double>{-1, 1.5}}}, {x});
  Tensor edges({12}, DType::f32);
  for (int64_t i = 0; i < 12; ++i) edges.set(i, -1 + 0.2 * static_cast<double>(i));
  check_same("_histogram", {}, {x, edges});
}

}  // namespace mixnet::test
