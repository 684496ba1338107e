// Parameters of _set_value.
#pragma once

namespace mixnet::op::set_value {

struct Params {
  double src = 0;
};

}  // namespace mixnet::op::set_value
