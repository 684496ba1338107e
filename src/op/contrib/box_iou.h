// The parameters of _contrib_box_iou.
#pragma once
#include "op/contrib/boxes.h"

namespace mixnet::op::box_iou {

struct Params {
  BoxFormat format = BoxFormat::corner;
};

}  // namespace mixnet::op::box_iou
