#include "pass/rewrite.h"

#include "base/environment.h"
#include "base/error.h"
#include "op/core/fused.h"
#include "pass/attach.h"
#include "pass/cancel.h"
#include "pass/fold.h"
#include "pass/fuse.h"
#include "pass/int8_layers.h"
#include "pass/merge.h"
#include "pass/recompute.h"
#include "pass/strips.h"
//[full
#include "pass/attention.h"
#include "pass/norm_tails.h"
//]

namespace mixnet {
namespace {

Recompute recompute_setting() {
  const std::string text = environment_string("BACKWARD_DO_MIRROR", "0");
  if (text == "sqrt") return Recompute::any;
  MIXNET_CHECK(text.empty() || text == "0" || text == "1", invalid,
               "[environment] MIXNET_BACKWARD_DO_MIRROR: expected 0, 1 or sqrt, got '", text, "'");
  return text == "1" ? Recompute::cheap : Recompute::forced;
}

int64_t strips_setting() {
  const int64_t bytes = environment_int("STRIPS", 0);
  MIXNET_CHECK(bytes >= 0, invalid, "[environment] MIXNET_STRIPS: expected 0, 1 or a number of bytes, got ", bytes);
  return bytes;
}

}  // namespace

std::vector<Entry> rewrite(Typed typed, const RewriteOptions& options) {
  auto apply = [&typed](std::vector<Entry> heads) {
    if (heads != typed.graph.heads()) typed = retype(std::move(heads), typed);
  };
  // Groups are compiled for a GPU, where that can be done.
  const bool fusion = environment_bool("FUSION", true);
  const GroupsOnGpu* groups = fusion ? groups_for(options.device) : nullptr;
  if (environment_bool("CANCEL", true)) apply(cancel(typed));
  if (environment_bool("MERGE", true)) apply(merge(typed));
  //[full
  // On CPUs results keep their bits.
  if (fusion && environment_bool("GPU_FUSION", true) && !options.training && !options.device.host() &&
      environment_bool("ATTENTION", true))
    apply(join_attention(typed, options.device));
  //]
  if (environment_bool("FOLD", true)) {
    if (!options.training) {
      apply(fold(typed, options.inputs));
      if (options.device.host()) apply(join_int8_layers(typed, options.inputs));
    }
    apply(mark_constants(typed.graph));
  }
  const bool joins = fusion && (options.device.host() || groups);
  apply(recompute(typed, recompute_setting(), joins));
  //[full
  if (fusion && options.training && !options.device.host() && environment_bool("GPU_FUSION", true))
    apply(join_norm_tails(typed));
  //]
  const int64_t strips = strips_setting();
  std::vector<Entry> heads = joins ? fuse(typed, groups) : typed.graph.heads();
  if (fusion) heads = attach(retype(std::move(heads), typed), options.device);
  if (strips == 0 || options.training || !options.device.host()) return heads;
  return run_in_strips(retype(std::move(heads), typed), strips);
}

}  // namespace mixnet
