// Predictors on one model: what they share, on several threads, and parameters that are read where they lie.
#include "predictor/predictor.h"

#include <doctest/doctest.h>

#include <cstring>
#include <thread>

#include "../executor/small_nets.h"
#include "ndarray/serialize.h"
#include "predictor/packed.h"
#include "storage/storage.h"

namespace mixnet {
namespace {

using namespace test;

// A folded convolution, a plain one and a full layer: derived, packed and plain weights.
Symbol small_net() {
  Symbol x = apply("BatchNorm", {{"fix_gamma", false}}, {conv(Symbol::variable("data"), 64, 3, "conv0", false)}, "bn0");
  x = apply("Activation", {{"act_type", "relu"}}, {conv(x, 64, 3, "conv1")});
  return apply("FullyConnected", {{"num_hidden", 10}}, {apply("Flatten", {}, {x})}, "fc");
}

std::string small_params(uint32_t seed) {
  const std::vector<std::pair<std::string, Shape>> shapes = {{"conv0_weight", {64, 64, 3, 3}},
                                                             {"bn0_gamma", {64}},
                                                             {"bn0_beta", {64}},
                                                             {"bn0_moving_mean", {64}},
                                                             {"bn0_moving_var", {64}},
                                                             {"conv1_weight", {64, 64, 3, 3}},
                                                             {"conv1_bias", {64}},
                                                             {"fc_bias", {10}},
                                                             {"fc_weight", {10, 64 * 16 * 16}}};
  NamedArrays list;
  for (const auto& [name, shape] : shapes) {
    const NDArray a(shape, DType::f32);
    fill(a, ++seed, 0.2f);
    if (name == "bn0_moving_var") {
      const std::vector<float> ones(64, 1.0f);
      a.copy_from_host(ones.data(), a.bytes());
    }
    list.arrays.push_back(a);
    list.names.push_back("arg:" + name);
  }
  return save_arrays_to_memory(list);
}

const std::vector<PredictorInput> one_image = {{"data", {1, 64, 16, 16}, DType::f32}};

std::vector<float> predict(Predictor& p) {
  fill(p.input(0), 5, 1.0f);
  p.forward();
  return values(p.output(0));
}

TEST_CASE("clones share what they keep of the parameters, and it goes with the last of them") {
  const std::string params = small_params(3);
  const auto model =
      std::make_shared<const Model>(small_net().to_json(), params.data(), params.size(), std::vector<std::string>{});
  const auto in_use = [] { return storage(DeviceId{}).statistics().in_use; };
  const int64_t before = in_use();
  Predictor first(model, one_image);
  const std::vector<float> expected = predict(first);
  const int64_t kept = first.plan().kept_bytes(), alone = in_use() - before;
  REQUIRE(kept > 100000);
  {
    Predictor second(model, one_image);
    CHECK(predict(second) == expected);
    CHECK(in_use() - before - alone <= alone - kept + 65536);
    first = Predictor(model, one_image);
    CHECK(predict(first) == expected);
  }
  CHECK(predict(first) == expected);
  const std::string others = small_params(77);
  const auto other =
      std::make_shared<const Model>(small_net().to_json(), others.data(), others.size(), std::vector<std::string>{});
  Predictor third(other, one_image);
  CHECK(predict(third) != expected);
}

TEST_CASE("predictors on several threads make what they share once and agree") {
  const std::string params = small_params(9);
  const auto model =
      std::make_shared<const Model>(small_net().to_json(), params.data(), params.size(), std::vector<std::string>{});
  Predictor alone(model, one_image);
  const std::vector<float> expected = predict(alone);
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> threads;
  for (std::vector<float>& result : results) {
    threads.emplace_back([&] {
      Predictor p(model, one_image);
      for (int i = 0; i < 3; ++i) result = predict(p);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<float>& result : results) CHECK(result == expected);
}

TEST_CASE("clones for other shapes do not share constants whose shape is inferred") {
  // MXNet's recurrent cells begin with zeros of an unknown batch.
  const Symbol zeros = apply("_zeros", {{"shape", Shape{0, 4}}}, {}, "begin");
  const Symbol net = apply("Concat", {{"dim", 1}}, {Symbol::variable("data"), zeros}, "join");
  const std::string none = save_arrays_to_memory({});
  const auto model =
      std::make_shared<const Model>(net.to_json(), none.data(), none.size(), std::vector<std::string>{}, false);
  Predictor one(model, {{"data", {1, 4}, DType::f32}}), many(model, {{"data", {64, 4}, DType::f32}});
  predict(one);
  const std::vector<float> result = predict(many);
  for (size_t i = 0; i < result.size(); ++i) {
    if (i % 8 >= 4) CHECK(result[i] == 0);
  }
}

TEST_CASE("borrowed parameters are not copied, and give the same") {
  std::string params = small_params(9);
  const Symbol symbol = small_net();
  const Model copied(symbol.to_json(), params.data(), params.size(), {});
  const int64_t before = storage(DeviceId{}).statistics().in_use;
  const auto borrowed =
      std::make_shared<const Model>(symbol.to_json(), params.data(), params.size(), std::vector<std::string>{}, true);
  const int64_t taken = storage(DeviceId{}).statistics().in_use - before;
  CHECK(taken < static_cast<int64_t>(params.size()) / 10);  // what operators may write is copied: the statistics
  const char* weight = static_cast<const char*>(borrowed->parameter("fc_weight")->view().data);
  CHECK(weight >= params.data());
  CHECK(weight < params.data() + params.size());
  Predictor p(borrowed, one_image);
  Predictor q(std::make_shared<const Model>(copied), one_image);
  CHECK(predict(p) == predict(q));
  // Nobody else writes these bytes: clones share what is made of them.
  const auto grown_by = [&](const std::shared_ptr<const Model>& model) {
    const int64_t before_it = storage(DeviceId{}).statistics().in_use;
    Predictor another(model, one_image);
    CHECK(predict(another) == predict(p));
    return storage(DeviceId{}).statistics().in_use - before_it;
  };
  const auto separate =
      std::make_shared<const Model>(symbol.to_json(), params.data(), params.size(), std::vector<std::string>{}, true);
  CHECK(grown_by(separate) - grown_by(borrowed) > p.plan().kept_bytes() * 9 / 10);
  // Bytes that lie askew are copied where the processor would mind.
  const std::string askew = "x" + params;
  const Model moved(symbol.to_json(), askew.data() + 1, params.size(), {}, true);
  CHECK(values(*moved.parameter("conv1_bias")) == values(*copied.parameter("conv1_bias")));
}

TEST_CASE("the checksum is that of zlib") {
  CHECK(crc32("123456789", 9) == 0xCBF43926u);
  CHECK(crc32("", 0) == 0);
  const std::string text(1000, 'a');
  CHECK(crc32(text.data(), text.size()) != crc32(text.data(), text.size() - 1));
}

}  // namespace
}  // namespace mixnet
