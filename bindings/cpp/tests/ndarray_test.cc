// Arrays: values in and out, views, arithmetic, files, errors.
#include "handles.h"

#include <cstdio>
#include <sstream>

using namespace mixnet;
using Floats = std::vector<float>;

TEST_CASE("values of every type go in and come back") {
  HandleCount handles;
  CHECK_EQ(NDArray({1, 2, 3, 4}, {2, 2}).values(), Floats{1, 2, 3, 4});
  CHECK_EQ(NDArray(std::vector<double>{0.5, -2}, {2}).values<double>(), std::vector<double>{0.5, -2});
  CHECK_EQ(NDArray(std::vector<int64_t>{1LL << 40}, {1}).scalar<int64_t>(), 1LL << 40);
  CHECK_EQ(NDArray(std::vector<int8_t>{-3, 7}, {2}).dtype(), DType::int8);
  CHECK_EQ(NDArray(std::vector<uint8_t>{200}, {1}).values<int32_t>(), std::vector<int32_t>{200});
  NDArray half({0, 0, 0}, {3});
  half = half.as_type(DType::float16);
  half.copy_from(Floats{1, 2.5, -3}.data(), 3);
  CHECK_EQ(half.dtype(), DType::float16);
  CHECK_EQ(half.values(), Floats{1, 2.5, -3});
  CHECK_EQ((NDArray({1, 2}, {2}) > 1).as_type(DType::boolean).values<bool>(), std::vector<bool>{false, true});
}

TEST_CASE("views share memory, copies do not") {
  HandleCount handles;
  NDArray a = NDArray::arange(0, 6).reshape({3, 2});
  CHECK_EQ(a.shape(), Shape{3, 2});
  a[1].fill(9);
  a.slice(2, 3) += 1;
  CHECK_EQ(a.values(), Floats{0, 1, 9, 9, 5, 6});
  NDArray b = a.copy(), c = a.share();
  a.fill(0);
  CHECK_EQ(b.values(), Floats{0, 1, 9, 9, 5, 6});
  CHECK_EQ(c.values(), Floats(6, 0));
  a.data<float>()[3] = 8;
  CHECK_EQ(c.values()[3], 8);
}

TEST_CASE("arithmetic broadcasts and takes numbers on both sides") {
  HandleCount handles;
  const NDArray a({1, 2, 3, 4}, {2, 2}), row({10, 20}, {1, 2});
  CHECK_EQ((a + row).values(), Floats{11, 22, 13, 24});
  CHECK_EQ((1 - a * 2).values(), Floats{-1, -3, -5, -7});
  CHECK_EQ((12 / a).values(), Floats{12, 6, 4, 3});
  CHECK_EQ((-a).values(), Floats{-1, -2, -3, -4});
  CHECK_EQ((a <= 2).values(), Floats{1, 1, 0, 0});
  CHECK_EQ((2 < a).values(), Floats{0, 0, 1, 1});
  CHECK_EQ((a == a).values(), Floats{1, 1, 1, 1});
  NDArray b = a.copy();
  b *= a;
  b -= 1;
  CHECK_EQ(b.values(), Floats{0, 3, 8, 15});
}

TEST_CASE("operators take nested calls, several outputs, targets") {
  HandleCount handles;
  const NDArray a({1, 2, 3, 4, 5, 6}, {2, 3});
  const NDArray twice = op::exp(op::log(op::square(a)));
  CHECK_EQ(twice.values()[5], doctest::Approx(36));
  const std::vector<NDArray> parts = op::SliceChannel(a).num_outputs(3).axis(1).arrays();
  REQUIRE_EQ(parts.size(), 3);
  CHECK_EQ(parts[2].values(), Floats{3, 6});
  NDArray target({2, 3});
  op::_plus_scalar(a).scalar(1).into(target);
  CHECK_EQ(target.values(), Floats{2, 3, 4, 5, 6, 7});
  const NDArray joined = op::concat({a, a}).dim(0);
  CHECK_EQ(joined.shape(), Shape{4, 3});
  const NDArray corner = op::slice(a).begin({std::nullopt, 1}).end({1, std::nullopt});
  CHECK_EQ(corner.values(), Floats{2, 3});
  const NDArray drawn = op::random_uniform().low(2).high(3).shape({4}).dtype(DType::float64);
  CHECK_EQ(drawn.dtype(), DType::float64);
  const NDArray dropped = op::Dropout(NDArray::ones({1000})).p(0.5).training();
  CHECK_EQ(dropped.values()[0] * (2 - dropped.values()[0]), 0);
}

TEST_CASE("errors carry code and message of the library") {
  const auto failing = [] { NDArray sum = NDArray({1, 2}, {2}) + NDArray({1, 2, 3}, {3}); };
  CHECK_THROWS_WITH_AS(failing(), doctest::Contains("[broadcast_add"), Error);
  try {
    failing();
  } catch (const Error& error) {
    CHECK_EQ(error.code(), Code::shape);
  }
  CHECK_THROWS_WITH_AS(NDArray({1, 2}, {3}), "[NDArray] values: expected 3 for shape (3,), got 2", Error);
  CHECK_THROWS_AS(NDArray({1, 2}, {2}).scalar(), Error);
  const auto mixed_up = [] { NDArray wrong = op::exp(Symbol::variable("x")); };
  CHECK_THROWS_WITH_AS(mixed_up(), "[exp] inputs: expected arrays, got a symbol", Error);
}

TEST_CASE("files keep names and types") {
  HandleCount handles;
  const std::string path = "cpp_binding_test.params";
  Arrays arrays;
  arrays["weight"] = NDArray({1, 2}, {2});
  arrays["rows"] = NDArray(std::vector<int32_t>{3}, {1});
  save(path, arrays);
  Arrays again = load(path);
  CHECK_EQ(again.size(), 2);
  CHECK_EQ(again["weight"].values(), Floats{1, 2});
  CHECK_EQ(again["rows"].dtype(), DType::int32);
  std::remove(path.c_str());
  CHECK_THROWS_WITH_AS(load("no/such/file"), doctest::Contains("no/such/file"), Error);
}

TEST_CASE("arrays print") {
  std::ostringstream text;
  text << NDArray({1, 2.5, 3, 4}, {2, 2});
  CHECK_EQ(text.str(), "[[1 2.5]\n [3 4]]\n<NDArray (2, 2) float32 @cpu(0)>");
}

TEST_CASE("a wait ends by its time or its token") {
  Cancel cancel;
  cancel.trigger();
  CHECK(cancel.triggered());
  NDArray a = NDArray::ones({2000, 2000});
  const NDArray b = op::dot(a, a);
  try {
    b.wait_to_read({0, &cancel});  // may be done already
  } catch (const Error& error) {
    CHECK_EQ(error.code(), Code::user);
  }
  b.wait_to_read();
  CHECK_EQ(b[0].values()[0], 2000);
}

TEST_CASE("the library tells about itself") {
  HandleCount handles;
  wait_all();
  CHECK_FALSE(version().empty());
  CHECK_NE(features().find("onednn"), std::string::npos);
  CHECK_GE(device_count(MXN_DEVICE_CPU), 1);
}
