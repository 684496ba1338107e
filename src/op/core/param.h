// Typed operator parameters: each operator has a plain struct, each member a field with name, default, range and text.
//
// A parameter set is immutable once made and shared by nodes and kernels. Nothing is parsed when an operator runs.
#pragma once
#include <cassert>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "op/core/value.h"

namespace mixnet {

// Of an operator without parameters.
struct NoParams {};

// An operator's parameter struct behind a pointer that forgot the type; the schema knows it.
using ParamsPtr = std::shared_ptr<const void>;

// Words that a parameter accepts, each for the enumerator with its index.
using Choices = std::vector<std::string>;

struct ParamField {
  std::string name;
  std::string type;  // for documentation and generators: "int", "float", "boolean", "tuple", "dtype", ...
  std::string doc;
  std::string default_text;  // as files write it; empty when required
  Choices choices;           // for enumerations
  bool required = false;
  bool optional = false;  // accepts None
  std::optional<double> minimum, maximum;
  std::function<void(void*, const Value&)> set;
  std::function<Value(const void*)> get;
};

// How a member of type T is read from and written to a Value.
template <class T, class = void> struct ParamType;
template <> struct ParamType<bool> {
  static constexpr const char* name = "boolean";
  static bool from(const Value& v) { return v.as_bool(); }
  static Value to(bool v) { return v; }
};
template <> struct ParamType<int64_t> {
  static constexpr const char* name = "int";
  static int64_t from(const Value& v) { return v.as_int(); }
  static Value to(int64_t v) { return v; }
};
template <> struct ParamType<double> {
  static constexpr const char* name = "float";
  static double from(const Value& v) { return v.as_real(); }
  static Value to(double v) { return v; }
};
template <> struct ParamType<std::string> {
  static constexpr const char* name = "string";
  static std::string from(const Value& v) { return v.as_text(); }
  static Value to(const std::string& v) { return v; }
};
template <> struct ParamType<Shape> {
  static constexpr const char* name = "tuple";
  static Shape from(const Value& v) { return v.as_ints(); }
  static Value to(const Shape& v) { return v; }
};
template <> struct ParamType<std::vector<double>> {
  static constexpr const char* name = "float tuple";
  static std::vector<double> from(const Value& v) { return v.as_reals(); }
  static Value to(const std::vector<double>& v) { return v; }
};
template <> struct ParamType<DType> {
  static constexpr const char* name = "dtype";
  static DType from(const Value& v) {
    return v.is_text() ? dtype_from_name(v.as_text()) : dtype_from_name(std::to_string(v.as_int()));
  }
  static Value to(DType v) { return v; }
};
// (None, 1): a tuple whose items may be None, as the limits of a slice.
using OptionalTuple = std::vector<std::optional<int64_t>>;
template <> struct ParamType<OptionalTuple> {
  static constexpr const char* name = "tuple with None";
  static constexpr int64_t none = std::numeric_limits<int64_t>::min();
  static OptionalTuple from(const Value& v) {
    OptionalTuple items;
    for (int64_t item : v.as_ints(none)) items.push_back(item == none ? std::nullopt : std::optional<int64_t>(item));
    return items;
  }
  static Value to(const OptionalTuple& items) {
    std::string s = "(";
    for (size_t i = 0; i < items.size(); ++i) s += (i ? ", " : "") + (items[i] ? std::to_string(*items[i]) : "None");
    return s + (items.size() == 1 ? ",)" : ")");
  }
};
// Positions, as many as there are: files write [0, 2].
using Places = std::vector<int64_t>;
template <> struct ParamType<Places> {
  static constexpr const char* name = "tuple";
  static Places from(const Value& v) {
    Places places;
    for (double place : v.as_reals()) {
      MIXNET_CHECK(place >= 0 && place < 1e6 && place == static_cast<int64_t>(place), invalid,
                   "expected positions, got ", v.str());
      places.push_back(static_cast<int64_t>(place));
    }
    return places;
  }
  static Value to(const Places& places) {
    std::string s = "[";
    for (size_t i = 0; i < places.size(); ++i) s += (i ? ", " : "") + std::to_string(places[i]);
    return s + "]";
  }
};
template <class T> struct ParamType<std::optional<T>> {
  static constexpr const char* name = ParamType<T>::name;
  static std::optional<T> from(const Value& v) {
    return v.says_none() ? std::nullopt : std::optional<T>(ParamType<T>::from(v));
  }
  static Value to(const std::optional<T>& v) { return v ? ParamType<T>::to(*v) : Value(); }
};
template <class T> struct is_optional : std::false_type {};
template <class T> struct is_optional<std::optional<T>> : std::true_type {};

// Finishes a field: builder.param("eps", &Params::eps).range(0, 1).doc("added to the variance").
class FieldBuilder {
 public:
  explicit FieldBuilder(ParamField* field) : field_(field) {}
  FieldBuilder& doc(std::string text) {
    field_->doc = std::move(text);
    return *this;
  }
  FieldBuilder& required() {
    field_->required = true;
    field_->default_text.clear();
    return *this;
  }
  // Inclusive limits of a number, or of every item of a tuple.
  FieldBuilder& range(double minimum, double maximum = std::numeric_limits<double>::infinity()) {
    field_->minimum = minimum;
    field_->maximum = maximum;
    return *this;
  }

 private:
  ParamField* field_;
};

template <class P, class T>
ParamField make_field(std::string name, T P::* member) {
  ParamField f;
  f.name = std::move(name);
  f.type = ParamType<T>::name;
  f.optional = is_optional<T>::value;
  f.set = [member](void* p, const Value& v) { static_cast<P*>(p)->*member = ParamType<T>::from(v); };
  f.get = [member](const void* p) { return ParamType<T>::to(static_cast<const P*>(p)->*member); };
  f.default_text = f.get(std::make_unique<P>().get()).str();
  return f;
}

// An enumeration: member is an enum whose enumerators are 0, 1, ... in the order of `choices`.
template <class P, class T>
ParamField make_field(std::string name, T P::* member, Choices choices) {
  static_assert(std::is_enum<T>::value, "choices name the enumerators of an enum");
  ParamField f;
  f.name = std::move(name);
  f.type = "enum";
  f.choices = choices;
  f.set = [member, choices](void* p, const Value& v) {
    const std::string text = v.as_text();
    for (size_t i = 0; i < choices.size(); ++i) {
      if (choices[i] == text) {
        static_cast<P*>(p)->*member = static_cast<T>(i);
        return;
      }
    }
    std::string all;
    for (const std::string& c : choices) all += (all.empty() ? "'" : ", '") + c + "'";
    fail(Code::invalid, "expected one of ", all, ", got '", text, "'");
  };
  f.get = [member, choices](const void* p) -> Value {
    return choices[static_cast<size_t>(static_cast<const P*>(p)->*member)];
  };
  f.default_text = f.get(std::make_unique<P>().get()).str();
  return f;
}

}  // namespace mixnet
