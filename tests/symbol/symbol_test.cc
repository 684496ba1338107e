// Composition, names, attributes and symbol.json of three generations.
#include <doctest/doctest.h>

#include "op/core/registry.h"
#include "symbol/symbol.h"

namespace mixnet {
namespace {

Symbol conv_net() {
  const Symbol data = Symbol::variable("data");
  const Symbol conv = Symbol::create(registry().at("Convolution"), {{"kernel", Shape{3, 3}}, {"num_filter", 4}},
                                     {{"weight_lr_mult", "2"}}, {{"", data}}, "conv0");
  return Symbol::create(registry().at("BatchNorm"), {}, {}, {{"data", conv}}, "bn");
}

}  // namespace

TEST_CASE("symbol: missing inputs become variables, states apart") {
  const Symbol net = conv_net();
  CHECK(net.list_arguments() == std::vector<std::string>{"data", "conv0_weight", "conv0_bias", "bn_gamma", "bn_beta"});
  CHECK(net.list_states() == std::vector<std::string>{"bn_moving_mean", "bn_moving_var"});
  CHECK(net.list_outputs() == std::vector<std::string>{"bn_output"});
  CHECK(net.attribute_dict().at("conv0_weight").at("__lr_mult__") == "2");
}

TEST_CASE("symbol: compose replaces variables in a copy") {
  const Symbol net = conv_net();
  const Symbol other =
      net.compose({{"data", Symbol::create(registry().at("relu"), {}, {}, {{"", Symbol::variable("x")}}, "first")}});
  CHECK(other.list_arguments()[0] == "x");
  CHECK(net.list_arguments()[0] == "data");
  CHECK_THROWS_WITH_AS(net.compose({{"nobody", Symbol::variable("x")}}),
                       doctest::Contains("no argument is called 'nobody'"), Error);
}

TEST_CASE("symbol: JSON survives a round trip") {
  const Symbol net = conv_net();
  const std::string json = net.to_json();
  const Symbol again = Symbol::from_json(json);
  CHECK(again.to_json() == json);
  CHECK(again.list_arguments() == net.list_arguments());
}

TEST_CASE("symbol: generation A, with param and without states") {
  const char* text = R"json({"nodes": [
    {"op": "null", "param": {}, "name": "data", "inputs": [], "backward_source_id": -1},
    {"op": "null", "param": {}, "name": "g", "inputs": [], "backward_source_id": -1},
    {"op": "null", "param": {}, "name": "b", "inputs": [], "backward_source_id": -1, "attr": {"lr_mult": "3"}},
    {"op": "BatchNorm", "param": {"fix_gamma": "False"}, "name": "bn", "inputs": [[0, 0], [1, 0], [2, 0]], "backward_source_id": -1},
    {"op": "Pooling", "param": {"kernel": "(2,2)", "pool_type": "max"}, "name": "pool", "inputs": [[3, 0]], "backward_source_id": -1}],
    "arg_nodes": [0, 1, 2], "heads": [[4, 0]]})json";
  const Symbol net = Symbol::from_json(text);
  CHECK(net.list_states() == std::vector<std::string>{"bn_moving_mean", "bn_moving_var"});
  CHECK(net.attribute_dict().at("b").at("__lr_mult__") == "3");
  // No version means 0.8, whose pooling rounds as today's files say.
  CHECK(net.attribute_dict().at("pool").at("pooling_convention") == "valid");
}

TEST_CASE("symbol: generation B") {
  const char* text = R"json({"nodes": [{"op": "null", "name": "x", "inputs": []},
    {"op": "argmax", "name": "m", "attr": {"axis": "-1"}, "inputs": [[0, 0, 0]]}],
    "arg_nodes": [0], "node_row_ptr": [0, 1, 2], "heads": [[1, 0, 0]], "attrs": {"mxnet_version": ["int", 903]}})json";
  CHECK(Symbol::from_json(text).attribute_dict().at("m").at("axis") == "None");
}

TEST_CASE("symbol: broken files end in one error") {
  for (
      const char* text :
      {"", "{", "[]", "{}", R"json({"nodes": [], "heads": []})json",
       R"json({"nodes": [{"op": "null", "name": "x", "inputs": [[0, 0]]}], "heads": [[0, 0]]})json",
       R"json({"nodes": [{"op": "relu", "name": "x", "inputs": [[5, 0, 0]]}], "heads": [[0, 0, 0]]})json",
       R"json({"nodes": [{"op": "null", "name": "x", "inputs": []}], "heads": [[0, 7, 0]]})json",
       R"json({"nodes": [{"op": "null", "name": "x", "inputs": []}], "heads": [[0, 9223372036854775807, 0]]})json",
       R"json({"nodes": [{"op": "Nonsense", "name": "x", "inputs": []}], "heads": [[0, 0, 0]]})json",
       R"json({"nodes": [{"op": "Convolution", "name": "c", "attrs": {"kernel": "(a"}, "inputs": []}], "heads": [[0, 0, 0]]})json"}) {
    CAPTURE(std::string(text));
    try {
      Symbol::from_json(text);
      CHECK(false);
    } catch (const Error& e) {
      CHECK(e.code() == Code::io);
    }
  }
}

TEST_CASE("symbol: attributes of any name are written in the order in which they are read again, each once") {
  const std::string text =
      R"({"nodes":[{"op":"null","name":"x","inputs":[],"attrs":{"zeal":"1","ctx_gght":"2","Ab":"3","__ctx_group__":"a","zeal_":"4","__zeal__":"5"}}],)"
      R"("heads":[[0,0,0]]})";
  const std::string once = Symbol::from_json(text).to_json();
  CHECK(Symbol::from_json(once).to_json() == once);
  CHECK(once.find("\"__zeal__\": \"5\"") != std::string::npos);
  CHECK(once.find("\"1\"") == std::string::npos);
}

TEST_CASE("symbol: what random operators make when they are not told is not stored as a dtype") {
  const std::string text =
      R"json({"nodes":[{"op":"_random_uniform","name":"u","attrs":{"shape":"(2,)","dtype":"None"},"inputs":[]}],"heads":[[0,0,0]]})json";
  CHECK(Symbol::from_json(text).to_json().find("\"dtype\": \"float32\"") != std::string::npos);
}

TEST_CASE("symbol: a chain of a hundred thousand nodes is built, written and freed") {
  Symbol s = Symbol::variable("x");
  for (int i = 0; i < 100000; ++i) s = Symbol::create(registry().at("relu"), {}, {}, {{"", s}}, "r");
  CHECK(s.list_arguments().size() == 1);
}

TEST_CASE("symbol: mistakes are named") {
  const Symbol x = Symbol::variable("x");
  CHECK_THROWS_WITH_AS(registry().at("Convolutoin"),
                       "[operator] unknown operator 'Convolutoin', the nearest is 'Convolution'", Error);
  CHECK_THROWS_WITH_AS(Symbol::create(registry().at("relu"), {{"slope", 1}}, {}, {{"", x}}, "r"),
                       doctest::Contains("[relu r] unknown parameter 'slope'"), Error);
  CHECK_THROWS_WITH_AS(Symbol::create(registry().at("relu"), {}, {}, {{"", x}, {"", x}}, "r"),
                       doctest::Contains("at most 1 inputs"), Error);
  CHECK_THROWS_WITH_AS(Symbol::create(registry().at("FullyConnected"), {}, {}, {{"", x}}, "f"),
                       "[FullyConnected f] num_hidden: required, but not given", Error);
  CHECK_THROWS_WITH_AS(Symbol::create(registry().at("Dropout"), {{"p", 2}}, {}, {{"", x}}, "d"),
                       "[Dropout d] p: expected a value in [0, 1], got 2", Error);
}

}  // namespace mixnet
