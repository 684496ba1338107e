// One parameter value in transit: what a binding, a file or a gradient rule hands to an operator.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"

namespace mixnet {

class Value {
 public:
  enum class Kind { none, boolean, integer, real, text, ints, reals };

  Value() = default;
  Value(bool v) : kind_(Kind::boolean), integer_(v) {}
  Value(int v) : kind_(Kind::integer), integer_(v) {}
  Value(int64_t v) : kind_(Kind::integer), integer_(v) {}
  Value(double v) : kind_(Kind::real), real_(v) {}
  Value(float v) : kind_(Kind::real), real_(v) {}
  Value(const char* v) : kind_(Kind::text), text_(v) {}
  Value(std::string v) : kind_(Kind::text), text_(std::move(v)) {}
  Value(const Shape& v) : kind_(Kind::ints), ints_(v) {}
  Value(std::vector<double> v) : kind_(Kind::reals), reals_(std::move(v)) {}
  Value(DType v) : kind_(Kind::text), text_(dtype_name(v)) {}

  Kind kind() const { return kind_; }
  bool is_none() const { return kind_ == Kind::none; }
  bool is_text() const { return kind_ == Kind::text; }

  // Conversions accept what MXNet's text attributes allow: "True", "1", "(3, 3)", "3", "[3,3]", "1e-3", "None".
  // They throw Code::invalid with a sentence that starts with "expected ...".
  bool as_bool() const;
  int64_t as_int() const;
  double as_real() const;
  std::string as_text() const;
  // A single number becomes a tuple of one; "None" inside a tuple becomes `none_as`.
  Shape as_ints(int64_t none_as = -1) const;
  std::vector<double> as_reals() const;
  bool says_none() const;  // none, or the text "None"

  // As MXNet's files write it: True, 64, 0.9, (3, 3), None. Reading it back gives the same value.
  std::string str() const;

 private:
  Kind kind_ = Kind::none;
  int64_t integer_ = 0;
  double real_ = 0;
  std::string text_;
  Shape ints_;
  std::vector<double> reals_;
};

// Named values, in the order given.
using Attributes = std::vector<std::pair<std::string, Value>>;

}  // namespace mixnet
