// symbol.json of all generations: what is accepted must be written, read and written again alike, and its inference must end.
#include <cstdlib>

#include "executor/executor.h"
#include "executor/infer.h"
#include "symbol/symbol.h"
#include "target.h"

using namespace mixnet;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const Symbol symbol = Symbol::from_json(std::string(reinterpret_cast<const char*>(data), size));
    const std::string text = symbol.to_json();
    try {
      if (Symbol::from_json(text).to_json() != text) std::abort();
    } catch (const Error&) {
      std::abort();
    }
    symbol.list_arguments();
    symbol.list_states();
    symbol.attribute_dict();
    symbol.copy();
    infer_shape(symbol, {{"data", Shape{2, 3, 8, 8}}, {"x", Shape{2, 3}}});
  } catch (const Error& e) {
    if (e.code() == Code::internal || e.what()[0] != '[') std::abort();
  }
  return 0;
}

namespace mixnet::fuzz {
namespace {

Symbol apply(const char* op, const Attributes& params, const std::vector<std::pair<std::string, Symbol>>& inputs,
             const char* name) {
  return Symbol::create(registry().at(op), params, {}, inputs, name);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// Without the spaces and line ends, which mutations would waste themselves on.
std::string dense(const Symbol& symbol) { return Json::parse(symbol.to_json(), "seed").dump(); }

}  // namespace

std::vector<std::string> seeds() {
  const Symbol x = Symbol::variable("x"), data = Symbol::variable("data");
  const Symbol sum = apply("elemwise_add", {}, {{"", x}, {"", x}}, "sum");
  const Symbol fc = apply("FullyConnected", {{"num_hidden", 4}}, {{"", sum}}, "fc");
  const Symbol bn =
      apply("BatchNorm", {},
            {{"", apply("Convolution", {{"kernel", Shape{3, 3}}, {"num_filter", 2}}, {{"", data}}, "conv")}}, "bn");
  const Symbol parts = apply("SliceChannel", {{"num_outputs", 3}}, {{"", data}}, "parts");
  const Symbol joined = apply("Concat", {{"num_args", 2}}, {{"", parts.output(0)}, {"", parts.output(2)}}, "joined");
  std::vector<std::string> list = {dense(x),  dense(sum),    dense(fc),
                                   dense(bn), dense(joined), dense(apply("SoftmaxOutput", {}, {{"", fc}}, "softmax"))};
  const std::string b = replaced(replaced(dense(fc), "\"attrs\":{\"num", "\"attr\":{\"num"), "10901", "905");
  list.push_back(b);
  // Generation A: no version, parameters under "param", entries of two numbers.
  list.push_back(
      R"json({"nodes":[{"op":"null","param":{},"name":"x","inputs":[],"backward_source_id":-1,"attr":{"lr_mult":"2"}},)json"
      R"json({"op":"null","param":{},"name":"w","inputs":[]},{"op":"FullyConnected","param":{"num_hidden":"4","no_bias":"True"},)json"
      R"json("name":"fc","inputs":[[0,0],[1,0]],"attr":{"weight_lr_mult":"0.5","ctx_group":"a"}}],"arg_nodes":[0,1],"heads":[[2,0]]})json");
  list.push_back(
      R"json({"nodes":[{"op":"null","name":"data","inputs":[]},{"op":"BatchNorm","param":{},"name":"b","inputs":[[0,0]]},)json"
      R"json({"op":"Pooling","param":{"kernel":"(2,2)","pool_type":"max"},"name":"p","inputs":[[1,0]]}],"heads":[[2,0]]})json");
  return list;
}

std::vector<std::string> dictionary() {
  std::vector<std::string> words = {"\"nodes\":",
                                    "\"heads\":",
                                    "\"attrs\":{",
                                    "\"param\":{",
                                    "\"attr\":{",
                                    "\"inputs\":[",
                                    "[0,0,0]",
                                    "[0,0]",
                                    "[1,0,0]",
                                    "[-1,0]",
                                    "[0,9]",
                                    "\"op\":\"null\"",
                                    "\"name\":\"\"",
                                    "\"subgraphs\":[]",
                                    "\"mxnet_version\":[\"int\",700]",
                                    "\"axis\":\"-1\"",
                                    "\"num_args\":\"4000000000\"",
                                    "\"num_outputs\":\"4000000000\"",
                                    "9223372036854775807",
                                    "\"weight_lr_mult\":\"1\"",
                                    "__shape__",
                                    "\"__dtype__\":\"99\"",
                                    "\"__shape__\":\"(2,-5)\"",
                                    "null",
                                    "{}",
                                    "[]",
                                    ",",
                                    "\"(1,1)\"",
                                    "\"None\"",
                                    "\"0\"",
                                    "\"-1\""};
  for (const OpSchema* op : registry().all()) words.push_back("\"op\":\"" + op->name + "\"");
  return words;
}

}  // namespace mixnet::fuzz
