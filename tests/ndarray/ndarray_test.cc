// Views, copies, .params files of all generations, DLPack.
#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "executor/invoke.h"
#include "ndarray/dlpack.h"
#include "ndarray/serialize.h"
#include "op/core/registry.h"

namespace mixnet {
namespace {

NDArray range(const Shape& shape) {
  NDArray a(shape, DType::f32);
  std::vector<float> v(static_cast<size_t>(a.size()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i);
  a.copy_from_host(v.data(), a.bytes());
  return a;
}

std::vector<float> values(const NDArray& a) {
  std::vector<float> v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}

template <class T> void put(std::string& s, T v) { s.append(reinterpret_cast<const char*>(&v), sizeof v); }

std::string list_of(const std::string& record) {
  std::string s;
  put<uint64_t>(s, 0x112);
  put<uint64_t>(s, 0);
  put<uint64_t>(s, 1);
  s += record;
  put<uint64_t>(s, 0);
  return s;
}

}  // namespace

TEST_CASE("ndarray: views share memory") {
  const NDArray a = range({4, 3});
  const NDArray row = a.at(-1), part = a.slice(1, 3), flat = a.reshape({12});
  CHECK(row.shape() == Shape{3});
  CHECK(values(row) == std::vector<float>{9, 10, 11});
  const float x[] = {1, 2, 3, 4, 5, 6};
  part.copy_from_host(x, sizeof x);
  CHECK(values(flat)[3] == 1);
  CHECK(values(flat)[8] == 6);
  CHECK(a.overlaps(part));
  CHECK(!row.overlaps(part));
  CHECK_THROWS_AS(a.at(4), Error);
  CHECK_THROWS_AS(a.slice(3, 2), Error);
  CHECK_THROWS_AS(a.reshape({5}), Error);
}

TEST_CASE("ndarray: an output over its input goes through a temporary") {
  const NDArray a = range({2, 2});
  std::vector<NDArray> in{a}, out{a};
  invoke(registry().at("transpose"), registry().at("transpose").make_params({}), in, out);
  CHECK(values(a) == std::vector<float>{0, 2, 1, 3});
  const NDArray b = range({4});
  std::vector<NDArray> shifted{b.slice(0, 3)}, target{b.slice(1, 4)};
  invoke(registry().at("_copy"), registry().at("_copy").make_params({}), shifted, target);
  CHECK(values(b) == std::vector<float>{0, 0, 1, 2});
}

TEST_CASE("ndarray: errors of an operation stand on its outputs until they are overwritten") {
  const NDArray index = range({3}), data = range({2, 2});
  std::vector<NDArray> in{data, index}, out;
  const OpSchema& take = registry().at("take");
  invoke(take, take.make_params({{"mode", "raise"}}), in, out);
  CHECK_THROWS_AS(out[0].wait_to_read(), Error);
  std::vector<NDArray> next;
  invoke(registry().at("relu"), registry().at("relu").make_params({}), out, next);
  CHECK_THROWS_AS(next[0].wait_to_read(), Error);
  std::vector<float> zeros(6, 0);
  out[0].copy_from_host(zeros.data(), out[0].bytes());
  out[0].wait_to_read();
  CHECK_THROWS_AS(engine().wait_all(), Error);
}

TEST_CASE("serialize: a list of every dtype survives") {
  NamedArrays list;
  for (DType t : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::u8, DType::i8, DType::i32, DType::i64,
                  DType::boolean}) {
    NDArray a({2, 3}, t);
    std::vector<char> bytes(static_cast<size_t>(a.bytes()), 1);
    a.copy_from_host(bytes.data(), a.bytes());
    list.arrays.push_back(a);
    list.names.push_back(std::string("arg:") + dtype_name(t));
  }
  list.arrays.emplace_back(Shape{0, 4}, DType::f32);
  list.names.push_back("empty");
  const std::string path = "/tmp/mixnet_test_" + std::to_string(getpid()) + ".params";
  save_arrays(path, list);
  const NamedArrays again = load_arrays(path);
  std::remove(path.c_str());
  REQUIRE(again.names == list.names);
  for (size_t i = 0; i < list.arrays.size(); ++i) {
    CHECK(again.arrays[i].shape() == list.arrays[i].shape());
    CHECK(save_record(again.arrays[i]) == save_record(list.arrays[i]));
  }
}

TEST_CASE("serialize: records of the old generations") {
  std::string v0, v1, v3;
  put<uint32_t>(v0, 2);
  put<uint32_t>(v0, 1);
  put<uint32_t>(v0, 2);
  put<uint32_t>(v1, 0xF993FAC8u);
  put<int32_t>(v1, 1);
  put<int64_t>(v1, 2);
  put<uint32_t>(v3, 0xF993FACAu);
  put<int32_t>(v3, 0);
  put<int32_t>(v3, 0);
  for (std::string* s : {&v0, &v1, &v3}) {
    put<int32_t>(*s, 2);  // a GPU's array
    put<int32_t>(*s, 1);
    put<int32_t>(*s, 0);
    put<float>(*s, 4);
    if (s != &v3) put<float>(*s, 5);
  }
  CHECK(values(load_record(v0.data(), v0.size(), "v0")) == std::vector<float>{4, 5});
  CHECK(load_record(v0.data(), v0.size(), "v0").shape() == Shape{1, 2});
  CHECK(values(load_record(v1.data(), v1.size(), "v1")) == std::vector<float>{4, 5});
  CHECK(load_record(v3.data(), v3.size(), "v3").shape() == Shape());
}

TEST_CASE("serialize: records of five releases of MXNet, without a list") {
  for (const char* version : {"0.9.5", "0.11.0", "0.12.0", "1.0.0", "1.9.1"}) {
    const std::string path = std::string(MIXNET_TEST_DATA) + "/golden/" + version + "/record.raw";
    INFO(path);
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    REQUIRE(bytes.size() > 20);
    const NDArray array = load_record(bytes.data(), bytes.size(), path);
    CHECK(array.shape() == Shape{1, 3});
    CHECK(values(array) == std::vector<float>{1, 2, 3});
  }
}

TEST_CASE("serialize: every truncation and many mutations end in one error") {
  NamedArrays list;
  list.arrays = {range({2, 3}), range({4})};
  list.names = {"a", "b"};
  const std::string good = save_arrays_to_memory(list);
  for (size_t n = 0; n < good.size(); ++n) {
    try {
      load_arrays_from_memory(good.data(), n, "cut");
      CHECK(false);
    } catch (const Error& e) {
      CHECK(e.code() == Code::io);
    }
  }
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      try {
        load_arrays_from_memory(bad.data(), bad.size(), "flipped");
      } catch (const Error& e) {
        CHECK((e.code() == Code::io || e.code() == Code::memory));
      }
    }
  }
  std::string absurd;
  put<uint32_t>(absurd, 0xF993FAC9u);
  put<int32_t>(absurd, 0);
  put<int32_t>(absurd, 2);
  put<int64_t>(absurd, int64_t{1} << 40);
  put<int64_t>(absurd, int64_t{1} << 40);
  absurd += std::string(12, '\0');
  const std::string file = list_of(absurd);
  CHECK_THROWS_AS(load_arrays_from_memory(file.data(), file.size(), "absurd"), Error);
  CHECK_THROWS_WITH_AS(load_arrays("/nonexistent/x.params"), doctest::Contains("/nonexistent/x.params"), Error);
}

TEST_CASE("dlpack: there and back without a copy") {
  NDArray a = range({2, 3});
  void* managed = to_dlpack(a);
  const NDArray b = from_dlpack(managed);
  CHECK(b.view().data == a.view().data);
  a = NDArray();
  CHECK(values(b)[5] == 5);
}

TEST_CASE("ndarray: sizes beyond memory are ordinary errors") {
  CHECK_THROWS_AS(NDArray(Shape{int64_t{1} << 40, int64_t{1} << 40}, DType::f32), Error);
  const NDArray a({int64_t{1} << 50}, DType::f32);
  CHECK_THROWS_AS(a.view(), Error);
}

}  // namespace mixnet
