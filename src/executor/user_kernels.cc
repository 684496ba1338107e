#include "executor/user_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/contains.h"
#include "base/profile.h"
#include "device/device.h"
#include "device/gpu.h"
#include "engine/engine.h"

namespace mixnet {
namespace {

// The words of signatures. Arrays have no 16-bit integers and no unsigned ones of more than 8 bits.
struct Word {
  const char* word;
  DType dtype;  // of an array; unknown: numbers only
  enum Kind { real, whole, natural } kind;
  size_t bytes;
};
constexpr Word words[] = {
    {"float", DType::f32, Word::real, 4},
    {"double", DType::f64, Word::real, 8},
    {"half", DType::f16, Word::real, 2},
    {"__half", DType::f16, Word::real, 2},
    {"float16", DType::f16, Word::real, 2},
    {"bfloat16", DType::bf16, Word::real, 2},
    {"__nv_bfloat16", DType::bf16, Word::real, 2},
    {"bool", DType::boolean, Word::natural, 1},
    {"char", DType::i8, Word::whole, 1},
    {"int8_t", DType::i8, Word::whole, 1},
    {"uint8_t", DType::u8, Word::natural, 1},
    {"int16_t", DType::unknown, Word::whole, 2},
    {"uint16_t", DType::unknown, Word::natural, 2},
    {"int", DType::i32, Word::whole, 4},
    {"int32_t", DType::i32, Word::whole, 4},
    {"unsigned", DType::unknown, Word::natural, 4},
    {"uint32_t", DType::unknown, Word::natural, 4},
    {"int64_t", DType::i64, Word::whole, 8},
    {"uint64_t", DType::unknown, Word::natural, 8},
};

const Word* find_word(const std::string& text) {
  const auto it = std::find_if(std::begin(words), std::end(words), [&](const Word& w) { return text == w.word; });
  return it == std::end(words) ? nullptr : it;
}

bool is_name(const std::string& text) {
  auto letter = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && letter(text[0]) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Words and asterisks of one parameter.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::string word;
  for (const char c : text + " ") {
    if (c != ' ' && c != '\t' && c != '\n' && c != '*') {
      word += c;
      continue;
    }
    if (!word.empty()) parts.push_back(word);
    word.clear();
    if (c == '*') parts.push_back("*");
  }
  return parts;
}

void add_once(std::vector<Variable*>& list, Variable* v) {
  if (!contains(list, v)) list.push_back(v);
}

}  // namespace

UserKernels::UserKernels(KernelSource source) : source_(std::move(source)) { compile_kernels(0, source_); }

std::vector<UserKernels::Parameter> UserKernels::read_signature(const std::string& place,
                                                                const std::string& signature) {
  std::vector<Parameter> parameters;
  if (split(signature).empty()) return parameters;
  for (size_t at = 0; at <= signature.size();) {
    const size_t end = std::min(signature.find(',', at), signature.size());
    const std::string text = signature.substr(at, end - at);
    at = end + 1;
    std::vector<std::string> parts = split(text);
    const auto constant = std::find(parts.begin(), parts.end(), "const");
    Parameter p{concat("argument ", parameters.size()), "", false, constant != parts.end()};
    if (p.constant) parts.erase(constant);
    if (!parts.empty()) p.type = parts[0];
    p.pointer = parts.size() > 1 && parts[1] == "*";
    if (p.pointer) parts.erase(parts.begin() + 1);
    if (parts.size() == 2) p.name = parts[1];
    MIXNET_CHECK(parts.size() == 1 || (parts.size() == 2 && is_name(p.name)), invalid, place,
                 " signature: expected parameters such as 'const float *x', got '", text, "'");
    const Word* const word = find_word(p.type);
    if (!word || (p.pointer && word->dtype == DType::unknown)) {
      std::string known;
      for (const Word& w : words) {
        if (!p.pointer || w.dtype != DType::unknown) known += (known.empty() ? "" : ", ") + std::string(w.word);
      }
      fail(Code::invalid, place, " signature: ", p.name, ": expected one of ", known, p.pointer ? " for a pointer" : "",
           ", got '", p.type, "'");
    }
    parameters.push_back(p);
  }
  return parameters;
}

int UserKernels::add(const std::string& name, const std::string& signature) {
  Declared kernel{name, read_signature("[rtc " + name + "]", signature), {}};
  kernel.compiled[0] = compile_kernels(0, source_)->kernel(name);
  const std::lock_guard<std::mutex> lock(mutex_);
  kernels_.push_back(std::move(kernel));
  return static_cast<int>(kernels_.size()) - 1;
}

void UserKernels::check_array(const std::string& place, const Parameter& p, const NDArray& array, DeviceId device) {
  MIXNET_CHECK(array.dense(), unsupported, place, " ", p.name, ": expected a dense array, got a ",
               storage_name(array.kind()), " one");
  const DType dtype = find_word(p.type)->dtype;
  MIXNET_CHECK(array.dtype() == dtype, type, place, " ", p.name, ": expected ", dtype, ", got ", array.dtype());
  MIXNET_CHECK(array.device() == device, device, place, " ", p.name, ": expected an array on ", device.str(),
               ", got one on ", array.device().str());
}

std::vector<char> UserKernels::number(const std::string& place, const Parameter& p, const UserArgument& a) {
  const Word& word = *find_word(p.type);
  std::vector<char> bytes(word.bytes);
  auto put = [&bytes](auto value) { std::memcpy(bytes.data(), &value, sizeof value); };
  const double real = a.whole ? static_cast<double>(a.integer) : a.real;
  if (word.kind == Word::real) {
    switch (word.dtype) {
      case DType::f64: put(real); break;
      case DType::f16: put(f16(static_cast<float>(real))); break;
      case DType::bf16: put(bf16(static_cast<float>(real))); break;
      default: put(static_cast<float>(real));
    }
    return bytes;
  }
  MIXNET_CHECK(a.whole, invalid, place, " ", p.name, ": expected a whole number for ", p.type, ", got ", a.real);
  const int bits = static_cast<int>(word.bytes) * 8 - (word.kind == Word::whole ? 1 : 0);
  const int64_t most = p.type == "bool" ? 1
                       : bits >= 63     ? std::numeric_limits<int64_t>::max()
                                        : (int64_t{1} << bits) - 1;
  const int64_t least = word.kind == Word::natural ? 0 : -most - 1;
  MIXNET_CHECK(a.integer >= least && a.integer <= most, invalid, place, " ", p.name, ": expected ", least, " to ", most,
               " for ", p.type, ", got ", a.integer);
  std::memcpy(bytes.data(), &a.integer, word.bytes);  // the lowest bytes stand first
  return bytes;
}

void UserKernels::launch(int index, DeviceId device, Span<const UserArgument> arguments, const LaunchShape& shape) {
  RuntimeKernelPtr kernel;
  std::string name;
  std::vector<Parameter> parameters;
  MIXNET_CHECK(!device.host(), device, "[rtc] device: expected a GPU, got ", device.str());
  gpu_device(device.index);  // throws where there is none of that index
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    MIXNET_CHECK(index >= 0 && index < static_cast<int>(kernels_.size()), invalid, "[rtc] kernel: expected one of ",
                 kernels_.size(), ", got ", index);
    Declared& declared = kernels_[static_cast<size_t>(index)];
    RuntimeKernelPtr& compiled = declared.compiled[device.index];
    if (!compiled) compiled = compile_kernels(device.index, source_)->kernel(declared.name);
    kernel = compiled;
    name = declared.name;
    parameters = declared.parameters;
  }
  const std::string place = "[rtc " + name + "]";
  MIXNET_CHECK(arguments.size() == parameters.size(), invalid, place, " arguments: expected ", parameters.size(),
               ", got ", arguments.size());
  struct Value {
    NDArray array;
    std::vector<char> number;
  };
  std::vector<Value> values;
  std::vector<Variable*> reads, writes;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& p = parameters[i];
    const NDArray& array = arguments[i].array;
    MIXNET_CHECK(array.none() != p.pointer, invalid, place, " ", p.name, ": expected ",
                 p.pointer ? "an array" : "a number", ", got ", p.pointer ? "a number" : "an array");
    if (p.pointer) check_array(place, p, array, device);
    values.push_back({array, p.pointer ? std::vector<char>() : number(place, p, arguments[i])});
    if (!p.pointer) continue;
    add_once(reads, array.variable());
    if (!p.constant) add_once(writes, array.variable());
  }
  auto body = [kernel, name, shape, device, values = std::move(values)] {
    std::vector<void*> pointers(values.size());
    std::vector<KernelArgument> all;
    for (size_t i = 0; i < values.size(); ++i) {
      if (!values[i].array.none()) pointers[i] = values[i].array.view().data;
      if (values[i].array.none()) all.push_back({values[i].number.data(), values[i].number.size()});
      else all.push_back({&pointers[i], sizeof(void*)});
    }
    const profile::Span span(profile::Category::imperative, name);
    Stream& stream = *get_device(device).stream();
    kernel->launch(stream, shape, all);
    if (stream.in_step()) stream.synchronize();
  };
  PushOptions options;
  options.small = true;
  engine().push(make_task(std::move(body), "rtc " + name), reads, writes, options);
}

}  // namespace mixnet
